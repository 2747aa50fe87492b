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

#endif
