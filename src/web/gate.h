#ifndef WEB_GATE_H
#define WEB_GATE_H

#include "http/transport/transport.h"
#include "web/route.h"

/*
 * Apply the row in one fixed order: canonical path (made by the request) →
 * method → body size → content type → limit → authentication → session state →
 * permission, network, freshness → body schema. A handler cannot forget what
 * it never does.
 */
enum err gate(struct call *c, struct exchange *x, struct request *rq);

#endif
