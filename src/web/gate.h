#ifndef WEB_GATE_H
#define WEB_GATE_H

#include "http/transport/transport.h"
#include "web/route.h"

/*
 * Check the request against its row, in one fixed order: canonical path (made
 * by the request) → method → body size → content type → limit → authentication
 * → session state → permission, network, freshness → body schema. A handler
 * does none of this, so it cannot forget any.
 */
enum err gate(struct call *c, struct exchange *x, struct request *rq);

/*
 * The part of it that does not depend on how the request came: limit,
 * authentication, session state, permission, network, freshness, by c->route.
 * gRPC's methods have rows of their own and pass through here (row GR2).
 */
enum err gate_caller(struct call *c);

/*
 * May the session that calls do what a row of this permission would let it?
 * For a method that shows a caller more if he may. E_FORBIDDEN: he does not
 * hold it; E_NETWORK, E_ENROLMENT_REQUIRED, E_REAUTH_REQUIRED as there.
 */
enum err gate_administers(struct call *c, const char *permission);

#endif
