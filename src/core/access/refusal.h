#ifndef CORE_ACCESS_REFUSAL_H
#define CORE_ACCESS_REFUSAL_H

#include "core/ctx.h"

/*
 * What is refused over and over is written down once a minute for each
 * network, reason and id, in this process: so many tries cost no write each.
 * The table is of fixed size; of two that meet in a slot one is not written.
 * id may be STR_NONE.
 */
bool refusal_due(struct ctx *x, const char *why, struct str id);

#endif
