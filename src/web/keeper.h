#ifndef WEB_KEEPER_H
#define WEB_KEEPER_H

#include "web/app.h"

/*
 * One process of a host, which does behind the requests what they would have to
 * do for each other: it settles limits with other hosts and hears what they
 * changed by Redis, each 100 ms, and asks Postgres what has changed, each 500
 * ms; nothing of it while no request comes. Without it (--single, plain CGI),
 * or while it hangs, the requests do it themselves, and later.
 *
 * Runs until SIGTERM; returns the exit status of the process.
 */
int keeper_run(struct app *app);

#endif
