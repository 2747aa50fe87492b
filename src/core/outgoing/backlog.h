#ifndef CORE_OUTGOING_BACKLOG_H
#define CORE_OUTGOING_BACKLOG_H

#include "core/ctx.h"

/*
 * How far the queues are behind. They are alarmingly so when the oldest due
 * job or delivery is older than queue.alarm_age, or more are due than
 * queue.alarm_depth; 0 is never.
 */
struct backlog {
	struct backlog_of {
		int64_t due;	/* counted to queue.alarm_depth and one more */
		int64_t oldest; /* µs since the oldest of them was due */
		int64_t dead;	/* given up, counted so too */
	} jobs, webhooks;
	bool alarm;
};

/* As the database knows it now: some milliseconds when much is due. */
enum err backlog_look(struct db *db, struct arena *a, const struct config *c,
    struct backlog *out);

/*
 * The same for callers that ask often: at most a second old, asked of the
 * database once for all processes of the host (row RL14: anybody may call
 * /health).
 */
enum err backlog_recent(struct ctx *x, struct backlog *out);

/* The queue by kind of job, and "webhook"; counted to BACKLOG_KIND_MAX. */
#define BACKLOG_KIND_MAX 10000
struct backlog_kind {
	struct str kind;
	int64_t ready, due, sending, oldest, dead, expired;
};
enum err backlog_kinds(struct db *db, struct arena *a,
    struct backlog_kind **out, size_t *n);

#endif
