#ifndef STORE_SHARED_H
#define STORE_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "store/metric.h"

/*
 * Memory shared by all processes of one host: a mapping of
 * <runtime_dir>/shared (created 0600). Survives a worker's death; a process
 * that cannot map it gets a private one and says so in the log.
 */
struct shared {
	uint32_t version;
	/* monotonic µs until which the session cache is not to be believed */
	_Atomic int64_t cache_doubt_until;
	/* started, requests: for /health and metrics */
	_Atomic int64_t started_wall;
	_Atomic uint64_t requests;
	/* monotonic µs of the light lane's last request */
	_Atomic int64_t light_at;
	/* which content of which Redis the session cache was last of */
	_Atomic uint64_t cache_content;
	/* how far the queues are behind (core/backlog.h), known until then */
	_Atomic int64_t backlog_until; /* monotonic µs */
	_Atomic int64_t backlog[6];
	struct metrics metrics;
};

/* Map it; never NULL. Call before fork where there is a master. */
struct shared *shared_open(const char *runtime_dir);

#endif
