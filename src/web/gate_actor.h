#ifndef WEB_GATE_ACTOR_H
#define WEB_GATE_ACTOR_H

#include "core/session/session.h"
#include "web/route.h"

/*
 * Find out who asks, for a row that needs an actor. The secret is looked for in
 * Authorization (RFC 6750 2.1) and X-API-Key only, never in the URL (rows
 * SE7, AK3). user is the per-user bucket, or NULL; *taken is the bucket that
 * was taken from: user, the key's own, or NULL.
 * E_UNAUTHENTICATED, E_TOKEN_INVALID, E_BAD_REQUEST, E_SCOPE, E_FORBIDDEN,
 * E_LIMITED, E_UNAVAILABLE.
 */
enum err gate_actor(struct call *c, struct limit *user,
    struct limit **taken);

/*
 * The same for a WHO_FACTOR row: an API key, a session, or neither. With
 * neither, actor.challenge is the challenge that was sent as Bearer, if any,
 * and actor.refusal the answer when the body has none either. *taken is the
 * key's own limit, the user's, or the network's.
 */
enum err gate_factor(struct call *c, struct limit *user,
    struct limit *anyone, struct limit **taken);

/*
 * The same for a WHO_ANYONE_OR_USER row: a session if an access token was
 * sent. The token must be good, because its holder gets another answer.
 */
enum err gate_visitor(struct call *c, struct limit *anyone);

#endif
