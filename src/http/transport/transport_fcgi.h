#ifndef HTTP_TRANSPORT_TRANSPORT_FCGI_H
#define HTTP_TRANSPORT_TRANSPORT_FCGI_H

#include "http/transport/fcgi_input.h"
#include "http/transport/fcgi_out.h"
#include "http/transport/fcgi_peek.h"
#include "http/transport/transport.h"

/*
 * FastCGI 1.0 by our own hand: one request that was gathered whole
 * (http/transport/fcgi_input.h) and its answer. The connection is the caller's
 * (web/worker/conn.h).
 */

/* What decides the lane of a request that FCGI_REQUEST told. */
struct fcgi_peek transport_fcgi_look(const struct fcgi_input *in);

/*
 * Serve it; x has its arena, err and lane_full set. The answer with its end
 * goes to out, which may send of it; nothing is sent when out breaks.
 */
void transport_fcgi_serve(struct fcgi_input *in, struct fcgi_out *out,
    struct exchange *x, transport_handler *handler, void *obj);

/* The request again, for another process, which closes after its answer. */
void transport_fcgi_forward(const struct fcgi_input *in, struct fcgi_out *out);

#endif
