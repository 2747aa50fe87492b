#ifndef WEB_MASTER_H
#define WEB_MASTER_H

#include <sys/types.h>

#include "web/worker/worker.h"

#define MASTER_WORKERS 512 /* of both kinds together; not counting old ones */

/*
 * Prefork master: keeps light and heavy workers running.
 *   a worker that ends is replaced, with back-off (0.1 s to 2 s) when it ended
 *   early and in error;
 *   SIGTERM, SIGINT: requests in hand have 10 s to finish, then KILL;
 *   SIGHUP: web/reload.h; a program or configuration that does not pass
 *   --check changes nothing but the log.
 * When the master itself is killed, its workers get SIGTERM and end likewise.
 */
struct master_options {
	int light;
	int heavy; /* 0: light workers do all */
	struct worker_options worker; /* kind, lane and ready_fd are ours */
	/*
	 * Run one more process, which serves no request, by this; it gets the
	 * hooks' obj and returns its exit status. NULL: none.
	 */
	int (*keeper)(void *obj);
	/* workers of the program that this one replaced */
	const pid_t *old;
	size_t nold;
};

/* Run until told to end; returns the exit status of the process. */
int master_run(const struct master_options *o);

#endif
