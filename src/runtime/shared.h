#ifndef RUNTIME_SHARED_H
#define RUNTIME_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/metric.h"
#include "runtime/shared_count.h"
#include "runtime/shared_table.h"

/*
 * Memory shared by all processes of one host: a mapping of
 * <runtime_dir>/shared (created 0600, and reserved on its file system). It
 * survives a worker's death. Whoever can write there says who is logged in, so
 * it must be a file of this user for nobody else; a process that cannot map
 * such a one gets a private one and logs that.
 */
#define SHARED_CHANGES 4096

enum proved_by {
	PROVED_BY_HOST, PROVED_BY_REDIS, PROVED_BY_POSTGRES, PROVED_BY
};

/*
 * During an upgrade the old and the new program both write here: the fields
 * that the previous version knows keep their places.
 */
struct shared {
	uint32_t version;
	uint32_t alone; /* this memory is private to one process */
	/* monotonic µs at which a process last logged that Redis fails */
	_Atomic int64_t redis_told;
	/* started, requests: for /health and metrics */
	_Atomic int64_t started_wall;
	_Atomic uint64_t requests;
	/* monotonic µs of the light lane's last request */
	_Atomic int64_t light_at;
	_Atomic uint64_t unused;
	/*
	 * how far the queues are behind (core/outgoing/backlog.h), valid until
	 * backlog_until
	 */
	_Atomic int64_t backlog_until; /* monotonic µs */
	_Atomic int64_t backlog[6];
	/* what a test write found of the database, and when to try again */
	_Atomic int64_t ready_until; /* monotonic µs */
	_Atomic int64_t ready;	     /* enum db_trouble + 1; 0: not known */
	struct metrics metrics;
	/* changes of sessions (core/session/session_change.h) */
	_Atomic int64_t changes_asked, changes_claimed; /* clock_boot() */
	_Atomic int64_t changes_xmin;
	_Atomic int64_t database_ahead; /* its clock less clock_boot() */
	_Atomic int64_t changed_at[SHARED_CHANGES]; /* database clock */
	/* wall µs at which an untrusted proxy was last logged */
	_Atomic int64_t proxy_told;
	/* wall µs of the machine's start that the rest is of; 0: none */
	_Atomic int64_t boot;
	_Atomic int64_t news; /* heard last (core/session/session_news.h) */
	/* access tokens by what proved them, and calls that settled limits */
	_Atomic uint64_t proved_by[PROVED_BY], settled[2]; /* for metrics */
	struct shared_counts counts; /* core/limit.h */
	struct shared_table proved;  /* core/session/session_proved.h */
};

/* Map the memory; never NULL. With a master, call before it forks. */
struct shared *shared_open(const char *runtime_dir);

/*
 * Map the memory of a service that runs here, for a program outside it: creates
 * nothing, and for root it may be anybody's. Without a running service the
 * memory is the process's own.
 */
struct shared *shared_join(const char *runtime_dir);

/* Forget what was proved and counted; all processes of the host do at once. */
void shared_forget(struct shared *s);

#endif
