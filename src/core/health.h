#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include "core/outgoing/backlog.h"

/* What /health tells (rows AP2, RE11). Times are µs, -1: down. */
struct health {
	enum { HEALTH_HEALTHY, HEALTH_DEGRADED, HEALTH_UNHEALTHY } status;
	int64_t database;
	const char *trouble;   /* a sentence, "": none */
	bool redis_configured;
	int64_t redis;
	const char *redis_why; /* what is wrong, where it is down */
	struct backlog queue;
	int64_t memory_used;   /* bytes, of this process */
	int64_t memory_total;  /* of the machine */
	int64_t uptime;	       /* of the service on this host */
};

/*
 * Ask every dependency. Without Postgres the service is unhealthy; without
 * Redis, or while the queues are alarmingly behind, degraded.
 */
void health_check(struct ctx *x, struct health *out);

/*
 * Can requests be served now? Postgres only: the readiness of a balancer. Once
 * a second and host a write is tried. "": yes; else a sentence that says why
 * not.
 */
const char *health_ready(struct ctx *x, bool *degraded);

#endif
