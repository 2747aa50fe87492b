#ifndef WEB_GATE_ACTOR_H
#define WEB_GATE_ACTOR_H

#include "core/session/session.h"
#include "web/route.h"

/*
 * Find out who asks (the row wants somebody). The secret is looked for in
 * Authorization (RFC 6750 2.1) and X-API-Key only, never in the URL (rows
 * SE7, AK3). user is the per-user bucket, or NULL; *taken the one that was
 * taken on the way, that or the key's own, or NULL.
 * E_UNAUTHENTICATED, E_TOKEN_INVALID, E_BAD_REQUEST, E_SCOPE, E_FORBIDDEN,
 * E_LIMITED, E_UNAVAILABLE.
 */
enum err gate_actor(struct call *c, struct limit *user,
    struct limit **taken);

/*
 * The same for a WHO_FACTOR row: an API key, a session, or neither, and then
 * actor.challenge what was sent of one and actor.refusal the answer when
 * there is none in the body either. *taken is the key's own limit, the
 * user's, or the network's.
 */
enum err gate_factor(struct call *c, struct limit *user,
    struct limit *anyone, struct limit **taken);

/*
 * The same for a WHO_ANYONE_OR_USER row: a session where an access token was
 * sent, which must then be good, for without it the answer is another one.
 */
enum err gate_visitor(struct call *c, struct limit *anyone);

#endif
