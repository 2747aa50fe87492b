#ifndef WEB_WORKER_WORKER_H
#define WEB_WORKER_WORKER_H

#include "web/worker/worker_shift.h"

/*
 * A worker takes one request at a time, and none before all of it is there: a
 * slow peer keeps no other waiting. Light workers accept connections; heavy
 * ones take what light ones pass on (web/worker/lane.h); a single worker does
 * both.
 *
 * Serve until SIGTERM (or SIGUSR1), a bound, or the lane's end. The request in
 * hand is always finished, and one that is on its way may come within 5 s.
 * Returns the exit status of the process, 0 for a wanted end. Signals are
 * blocked except while the worker waits, so none cuts a read or a write short.
 */
int worker_run(const struct worker_options *o);

#endif
