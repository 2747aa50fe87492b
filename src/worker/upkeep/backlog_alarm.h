#ifndef WORKER_UPKEEP_BACKLOG_ALARM_H
#define WORKER_UPKEEP_BACKLOG_ALARM_H

#include "config/config.h"
#include "store/pg/db.h"

/*
 * Logs, once for all workers, that the queues fall behind
 * (core/outgoing/backlog.h) and that they caught up again.
 */
struct backlog_alarm {
	int64_t look_at; /* µs, monotonic */
};

/* Look at the queues, when it is time to. */
void backlog_alarm_step(struct backlog_alarm *m, struct db *db, struct arena *a,
    const struct config *c);

#endif
