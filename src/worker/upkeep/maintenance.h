#ifndef WORKER_UPKEEP_MAINTENANCE_H
#define WORKER_UPKEEP_MAINTENANCE_H

#include "config/config.h"
#include "store/pg/db.h"

/*
 * Deletes expired rows every session.cleanup_interval. The row of cron_jobs
 * gives the turn to one worker, which deletes one batch between its mails, so
 * that neither waits long for the other.
 */
struct maintenance {
	bool running;
	size_t step;	 /* of the statements, in order */
	int64_t look_at; /* µs, monotonic: when to ask for a turn */
	int64_t deleted;
};

/*
 * Ask for a turn, or delete one batch. True when there is more to do at once.
 */
bool maintenance_step(struct maintenance *m, struct db *db, struct arena *a,
    const struct config *c);

#endif
