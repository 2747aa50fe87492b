#ifndef WEB_WORKER_CONN_LOOP_H
#define WEB_WORKER_CONN_LOOP_H

#include "web/worker/worker_shift.h"

/* A worker's loop with our own FastCGI (web/worker/conn.h). */
void conn_loop_run(struct worker_shift *s);

#endif
