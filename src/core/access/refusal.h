#ifndef CORE_ACCESS_REFUSAL_H
#define CORE_ACCESS_REFUSAL_H

#include "core/ctx.h"

/*
 * Repeated refusals are audited once a minute for each network, reason and id,
 * in this process, so that many tries do not cost a write each. The table has a
 * fixed size; of two that share a slot the older one is forgotten, and written
 * again when it comes again. id may be STR_NONE.
 */
bool refusal_due(struct ctx *x, const char *why, struct str id);

#endif
