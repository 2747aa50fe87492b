#ifndef HANDLERS_SHARED_HANDLERS_H
#define HANDLERS_SHARED_HANDLERS_H

#include <config.h>

#include "core/session/signing.h"
#include "handlers/shared/answer.h"
#include "handlers/shared/given.h"

/* One per row of routes.def; several rows may share one. */
#define ROUTE(method, path, aliases, h, who, need, bucket, lane, flags, \
    doc) extern const struct handler h;
#include "handlers/routes.def"
#undef ROUTE

#endif
