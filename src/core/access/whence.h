#ifndef CORE_ACCESS_WHENCE_H
#define CORE_ACCESS_WHENCE_H

#include "core/ctx.h"

/*
 * Does the request come from one of these networks (a LIST)? False also where
 * the address is that of an untrusted proxy on this host: whoever is behind it
 * would be taken for this host.
 */
bool whence_in(const struct ctx *x, const char *networks);

/* Does it come from this host? */
bool whence_here(const struct ctx *x);

#endif
