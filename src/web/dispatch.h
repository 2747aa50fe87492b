#ifndef WEB_DISPATCH_H
#define WEB_DISPATCH_H

#include "http/transport/transport.h"

/*
 * Serve one exchange from its parameters to its answer; obj is the struct app.
 * A transport_handler.
 */
void dispatch(void *obj, struct exchange *x);

#endif
