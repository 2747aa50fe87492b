#ifndef WEB_WORKER_WORKER_LIBFCGI_H
#define WEB_WORKER_WORKER_LIBFCGI_H

#include "web/worker/worker_shift.h"

/*
 * A worker's loop where libfcgi parses requests, one connection at a time;
 * connections that would keep it waiting are in web/worker/hold.h.
 * False: it cannot start.
 */
bool worker_libfcgi_run(struct worker_shift *s);

#endif
