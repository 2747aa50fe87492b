#ifndef APP_GATE_ACTOR_H
#define APP_GATE_ACTOR_H

#include "app/route.h"
#include "core/session.h"

/*
 * Find out who asks (the row wants somebody). The secret is looked for in
 * Authorization (RFC 6750 2.1) and X-API-Key only, never in the URL (rows
 * SE7, AK3). limit is the per-user bucket, taken on the way.
 * E_UNAUTHENTICATED, E_TOKEN_INVALID, E_BAD_REQUEST, E_SCOPE, E_FORBIDDEN,
 * E_LIMITED, E_UNAVAILABLE.
 */
enum err gate_actor(struct call *c, struct limit *limit);

#endif
