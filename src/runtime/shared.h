#ifndef RUNTIME_SHARED_H
#define RUNTIME_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/metric.h"

/*
 * Memory shared by all processes of one host: a mapping of
 * <runtime_dir>/shared (created 0600). Survives a worker's death; a process
 * that cannot map it gets a private one and says so in the log.
 */
#define SHARED_CHANGES 4096

/*
 * While one program takes the other's place both write here: what the version
 * before this one knows stays where it was.
 */
struct shared {
	uint32_t version;
	uint32_t alone; /* no other process of the host has this memory */
	/* monotonic µs at which somebody last said that Redis is of no use */
	_Atomic int64_t redis_told;
	/* started, requests: for /health and metrics */
	_Atomic int64_t started_wall;
	_Atomic uint64_t requests;
	/* monotonic µs of the light lane's last request */
	_Atomic int64_t light_at;
	_Atomic uint64_t unused;
	/*
	 * how far the queues are behind (core/outgoing/backlog.h), known until
	 * then
	 */
	_Atomic int64_t backlog_until; /* monotonic µs */
	_Atomic int64_t backlog[6];
	/* what a write showed of the database, and when to try the next */
	_Atomic int64_t ready_until; /* monotonic µs */
	_Atomic int64_t ready;	     /* enum db_trouble + 1; 0: not known */
	struct metrics metrics;
	/* what changed of sessions (core/session/session_change.h) */
	_Atomic int64_t changes_asked, changes_claimed; /* monotonic µs */
	_Atomic int64_t changes_xmin;
	_Atomic int64_t database_ahead; /* its clock before our monotonic one */
	_Atomic int64_t changed_at[SHARED_CHANGES]; /* by its clock */
	/* wall µs at which a proxy that is not trusted was told of */
	_Atomic int64_t proxy_told;
};

/* Map it; never NULL. Call before fork where there is a master. */
struct shared *shared_open(const char *runtime_dir);

/*
 * The same of a service that runs here, for who is not it: nothing is made.
 * Without one the memory is this process's own.
 */
struct shared *shared_join(const char *runtime_dir);

#endif
