#include "core/outgoing/backlog.h"

#include "base/clock.h"

#define COUNT_MIN 1000
#define RECENT CLOCK_SECOND

static bool
is_alarming(const struct config *c, const struct backlog *b)
{
	int64_t oldest = b->jobs.oldest > b->webhooks.oldest ?
	    b->jobs.oldest : b->webhooks.oldest;

	return (c->queue_alarm_age > 0 && oldest > c->queue_alarm_age) ||
	    (c->queue_alarm_depth > 0 &&
	    b->jobs.due + b->webhooks.due > c->queue_alarm_depth);
}

enum err
backlog_look(struct db *db, struct arena *a, const struct config *c,
    struct backlog *out)
{
	long most = c->queue_alarm_depth > COUNT_MIN ? c->queue_alarm_depth :
	    COUNT_MIN;
	struct queue_health_row row;
	struct rows *r;
	enum err e = db_run(db, a, SQL(queue_health, .most = most + 1), &r);

	*out = (struct backlog){ .alarm = false };
	if (e != E_OK)
		return e;
	row = queue_health_row(r, 0);
	out->jobs = (struct backlog_of){ row.due, row.oldest, row.dead };
	out->webhooks = (struct backlog_of){ row.deliveries_due,
		row.oldest_delivery, row.deliveries_dead };
	out->alarm = is_alarming(c, out);
	return E_OK;
}

static void
keep_backlog(struct shared *s, const struct backlog_of *b, int at)
{
	atomic_store(&s->backlog[at], b->due);
	atomic_store(&s->backlog[at + 1], b->oldest);
	atomic_store(&s->backlog[at + 2], b->dead);
}

static struct backlog_of
kept_backlog(struct shared *s, int at)
{
	return (struct backlog_of){ atomic_load(&s->backlog[at]),
		atomic_load(&s->backlog[at + 1]),
		atomic_load(&s->backlog[at + 2]) };
}

/*
 * Is it this process's turn to ask? One of many is enough. A file on disk may
 * bring a time of an earlier boot.
 */
static bool
is_old(struct shared *s)
{
	int64_t now = clock_mono(), until = atomic_load(&s->backlog_until);

	return (now >= until || until - now > RECENT) &&
	    atomic_compare_exchange_strong(&s->backlog_until, &until,
	    now + RECENT);
}

enum err
backlog_recent(struct ctx *x, struct backlog *out)
{
	struct shared *s = x->shared;
	enum err e;

	if (is_old(s)) {
		e = backlog_look(x->db, x->arena, x->config, out);
		if (e != E_OK)
			return e;
		keep_backlog(s, &out->jobs, 0);
		keep_backlog(s, &out->webhooks, 3);
	}
	out->jobs = kept_backlog(s, 0);
	out->webhooks = kept_backlog(s, 3);
	out->alarm = is_alarming(x->config, out);
	return E_OK;
}

enum err
backlog_kinds(struct db *db, struct arena *a, struct backlog_kind **out,
    size_t *n)
{
	struct rows *r;
	enum err e = db_run(db, a, SQL(queue_kinds, .most = BACKLOG_KIND_MAX),
	    &r);

	if (e != E_OK)
		return e;
	*n = r->n;
	*out = arena_array(a, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++) {
		struct queue_kinds_row row = queue_kinds_row(r, i);

		(*out)[i] = (struct backlog_kind){ .kind = row.kind,
			.ready = row.ready, .due = row.due,
			.sending = row.sending,
			.oldest = row.oldest, .dead = row.dead,
			.expired = row.expired };
	}
	return E_OK;
}
