#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include "config/config.h"
#include "crypto/keyring.h"
#include "store/pg/db.h"

/* What SIGHUP asks for. */
struct loop_reload {
	/* Read the settings anew. False: refused, and the log says why. */
	bool (*good)(void *arg);
	void *arg;
};

enum loop_end {
	LOOP_STOPPED,
	LOOP_RELOADED, /* call again, with the new settings */
	LOOP_FAILED	 /* the worker cannot work with these settings */
};

/*
 * Work the queue until SIGTERM or SIGINT: claim, send, record, wait for a
 * wake-up or a second. Mails under way then have 10 s to end; all else that
 * was claimed is given back (row RE12). Neither a lost database nor a lost
 * relay ends the loop. On SIGHUP the loop asks r; when the new settings are
 * good, it ends in the same way, and its child processes with it.
 * r NULL: work off what is due and return; SIGHUP is ignored.
 */
enum loop_end loop_run(const struct config *c, const struct keyring *k,
    struct db *db, const struct loop_reload *r);

/* Could a worker work with these settings? False: *why names one. */
bool loop_check(struct arena *a, const struct config *c, const char **why);

#endif
