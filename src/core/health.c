#include "core/health.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

/* Resident pages of this process, from /proc/self/statm. */
static int64_t
resident_pages(void)
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

/*
 * Is it this request's turn to try a write? One a second and host does; the
 * time may also be of an earlier boot.
 */
static bool
is_turn(struct shared *s)
{
	int64_t now = clock_mono(), until = atomic_load(&s->ready_until);

	return (until <= now || until > now + CLOCK_SECOND) &&
	    atomic_compare_exchange_strong(&s->ready_until, &until,
		now + CLOCK_SECOND);
}

/* What the last write showed holds only while the database answers. */
static enum db_trouble
look_at_database(struct ctx *x, int64_t *trip)
{
	struct shared *s = x->shared;
	int64_t start = clock_mono(), known = atomic_load(&s->ready);
	enum db_trouble t;

	if (known == 0 || is_turn(s)) {
		t = db_ready(x->db, x->arena);
		*trip = t == DB_WELL ? clock_mono() - start : -1;
		atomic_store(&s->ready, t == DB_GONE ? 0 : t + 1);
		return t;
	}
	*trip = db_ping(x->db, x->arena);
	t = *trip < 0 ? DB_GONE : (enum db_trouble)(known - 1);
	if (t != DB_WELL)
		*trip = -1;
	return t;
}

const char *
health_ready(struct ctx *x, bool *degraded)
{
	const char *why;
	int64_t trip;

	*degraded = cache_configured(x->cache) &&
	    cache_probe(x->cache, x->arena, &why) < 0;
	return db_trouble_text(look_at_database(x, &trip));
}

void
health_check(struct ctx *x, struct health *h)
{
	*h = (struct health){ .redis = -1 };
	h->trouble = db_trouble_text(look_at_database(x, &h->database));
	h->redis_configured = cache_configured(x->cache);
	if (h->redis_configured)
		h->redis = cache_probe(x->cache, x->arena, &h->redis_why);
	if (h->database >= 0)
		(void)backlog_recent(x, &h->queue);
	h->memory_used = resident_pages();
	h->memory_total = (int64_t)sysconf(_SC_PHYS_PAGES) *
	    sysconf(_SC_PAGESIZE);
	h->uptime = clock_wall() - atomic_load(&x->shared->started_wall);
	if (h->database < 0)
		h->status = HEALTH_UNHEALTHY;
	else if ((h->redis_configured && h->redis < 0) || h->queue.alarm)
		h->status = HEALTH_DEGRADED;
}
