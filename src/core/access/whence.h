#ifndef CORE_ACCESS_WHENCE_H
#define CORE_ACCESS_WHENCE_H

#include "core/ctx.h"

/*
 * Does the request come from one of these networks (a LIST)? False, too, where
 * the address is that of a proxy on this host which is not trusted: whoever is
 * behind it would be let in as this host.
 */
bool whence_in(const struct ctx *x, const char *networks);

/* Does it come from this host? */
bool whence_here(const struct ctx *x);

#endif
