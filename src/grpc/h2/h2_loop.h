#ifndef GRPC_H2_H2_LOOP_H
#define GRPC_H2_H2_LOOP_H

#include "grpc/h2/h2_session.h"
#include "grpc/h2/h2_tls.h"
#include "web/worker/worker_shift.h"

/*
 * A worker's connections, all at once, and its calls, one after the other and
 * of each connection in turn. Ends as worker_shift_over says: then peers are
 * told to open no further streams (GOAWAY), and what they have asked is
 * answered.
 */
void h2_loop_run(struct worker_shift *s, const struct h2_server *server,
    struct h2_tls_server *tls, size_t most);

#endif
