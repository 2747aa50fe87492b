#include "core/health.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

/* Resident pages of this process, from /proc/self/statm. */
static int64_t
resident(void)
{
	long long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lld %lld", &size, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

bool
health_ready(struct ctx *x, bool *degraded)
{
	const char *why;

	*degraded = cache_configured(x->cache) &&
	    cache_probe(x->cache, x->arena, &why) < 0;
	return db_ping(x->db, x->arena) >= 0;
}

void
health_check(struct ctx *x, struct health *h)
{
	*h = (struct health){ .redis = -1 };
	h->database = db_ping(x->db, x->arena);
	h->redis_configured = cache_configured(x->cache);
	if (h->redis_configured)
		h->redis = cache_probe(x->cache, x->arena, &h->redis_why);
	if (h->database >= 0)
		(void)backlog_recent(x, &h->queue);
	h->memory_used = resident();
	h->memory_total = (int64_t)sysconf(_SC_PHYS_PAGES) *
	    sysconf(_SC_PAGESIZE);
	h->uptime = clock_wall() - atomic_load(&x->shared->started_wall);
	if (h->database < 0)
		h->status = HEALTH_UNHEALTHY;
	else if ((h->redis_configured && h->redis < 0) || h->queue.alarm)
		h->status = HEALTH_DEGRADED;
}
