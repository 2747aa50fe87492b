#include "worker/webhook/webhook_lease.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/pg/db.h"
#include "worker/webhook/webhook_claim_batch.h"

#define CLAIM 1024
#define SETTLE 1024
#define FULL (CLAIM / 8)	   /* after so many, claim again at once */
#define POLL (500 * CLOCK_MS)	   /* when there was nothing to claim */
#define SOON (20 * CLOCK_MS)	   /* when there was little */
#define AGAIN (200 * CLOCK_MS)	   /* the database did not answer */
#define TAKE_BACK CLOCK_SECOND
#define NO_ROOM_MS 10 /* a claim is due, and nowhere to put it */

void
webhook_lease_init(struct webhook_lease *t, struct queue *q,
    struct webhook_inflight *h)
{
	*t = (struct webhook_lease){ .queue = q, .inflight = h };
	t->flight = arena_new(LIMIT_ARENA);
	t->landed = arena_new(LIMIT_ARENA);
	t->gather = &t->ends[0];
	t->settle = &t->ends[1];
	t->gather->arena = arena_new(LIMIT_ARENA);
	t->settle->arena = arena_new(LIMIT_ARENA);
}

static void
ends_close(struct ends *s)
{
	for (size_t i = s->done; i < s->n; i++)
		webhook_claim_batch_drop(s->list[i].batch);
	arena_free(&s->arena);
}

void
webhook_lease_close(struct webhook_lease *t)
{
	arena_free(&t->flight);
	arena_free(&t->landed);
	ends_close(t->gather);
	ends_close(t->settle);
}

struct webhook_outcome *
webhook_lease_end(struct webhook_lease *t, struct arena **a)
{
	int64_t soon = clock_mono() + SOON;

	if (t->claim_at > soon)
		t->claim_at = soon;
	*a = t->gather->arena;
	return &t->gather->list[t->gather->n++];
}

int
webhook_lease_holds(const struct webhook_lease *t)
{
	return t->inflight->held + (int)(t->gather->n + t->settle->n);
}

bool
webhook_lease_lost(const struct webhook_lease *t)
{
	for (int i = 0; i < WEBHOOK_LEASE_LOST; i++)
		if (t->lost[i].until > clock_mono())
			return true;
	return false;
}

static void
log_outcome(const struct webhook_outcome *e)
{
	enum log_level level = e->what == WEBHOOK_OUTCOME_FAILED ||
	    e->what == WEBHOOK_OUTCOME_OURS ? LOG_INFO_ : LOG_DEBUG_;

	if (log_wants(level))
		log_write(level, "webhook tried", LOG_FIELDS(
		    log_s("delivery", e->id), log_c("state", e->state),
		    log_i("status", e->status)));
}

/* An end is refused: record one by one, so that the others are not refused. */
static void
settle_one_by_one(struct webhook_lease *t)
{
	struct webhook_outcome *e = &t->settle->list[t->settle->done];

	t->one_by_one = true;
	if (t->telling > 1)
		return;
	log_error("the end of a delivery cannot be recorded",
	    log_s("delivery", e->id));
	e->batch->kept = true;
	webhook_claim_batch_drop(e->batch);
	t->settle->done++;
}

static void
settled(struct webhook_lease *t, enum err err, const struct rows *rows)
{
	struct ends *s = t->settle;

	if (err != E_OK)
		webhook_delivery_unsettled(s->list + s->done, t->telling);
	if (err == E_UNAVAILABLE) {
		t->settle_at = clock_mono() + AGAIN;
		return;
	}
	if (err != E_OK) {
		settle_one_by_one(t);
	} else {
		for (size_t i = 0; i < t->telling; i++)
			log_outcome(&s->list[s->done + i]);
		webhook_delivery_settled(t->queue, t->landed, s->list + s->done,
		    t->telling, rows);
		s->done += t->telling;
	}
	if (s->done < s->n)
		return;
	t->one_by_one = false;
	s->n = s->done = 0;
	arena_reset(s->arena);
}

static void
lose_claim(struct webhook_lease *t)
{
	struct lost *oldest = &t->lost[0];

	for (int i = 1; i < WEBHOOK_LEASE_LOST; i++)
		if (t->lost[i].until < oldest->until)
			oldest = &t->lost[i];
	oldest->until = clock_mono() + WEBHOOK_LEASE;
	memcpy(oldest->lease, t->lease, sizeof(oldest->lease));
}

/* Did the claim take any deliveries? */
static bool
claimed(struct webhook_lease *t, enum err err, const struct rows *rows)
{
	int64_t n = err == E_OK ? webhook_delivery_claimed(rows) : 0;

	if (err == E_UNAVAILABLE)
		lose_claim(t);
	t->dry = n == 0;
	t->claim_at = n >= FULL ? 0 : clock_mono() + (n ? SOON : POLL);
	return n > 0;
}

static void
begin_fetch(struct webhook_lease *t)
{
	webhook_delivery_fetch(t->queue, t->flight, str_of(t->lease));
	t->doing = WEBHOOK_LEASE_FETCHES;
}

/* Take the rows in hand. No rows: deleted, say, or sent again, meanwhile. */
static void
fetched(struct webhook_lease *t, enum err err, const struct rows *rows)
{
	if (err != E_OK || rows->n == 0)
		lose_claim(t);
	else
		webhook_inflight_take(t->inflight, rows, str_of(t->lease),
		    clock_mono());
}

static bool
begin_settle(struct webhook_lease *t)
{
	struct ends *s;

	if (clock_mono() < t->settle_at)
		return false;
	if (t->settle->n == 0) {
		s = t->gather;
		t->gather = t->settle;
		t->settle = s;
	}
	s = t->settle;
	if (s->n == 0)
		return false;
	t->telling = t->one_by_one ? 1 : s->n - s->done;
	if (t->telling > SETTLE)
		t->telling = SETTLE;
	webhook_delivery_settle(t->queue, t->flight, s->list + s->done,
	    t->telling);
	t->doing = WEBHOOK_LEASE_SETTLES;
	return true;
}

static bool
begin_claim(struct webhook_lease *t)
{
	struct webhook_claim_request w = { .limit =
	    WEBHOOK_PENDING_MAX - webhook_lease_holds(t) };

	if (t->stopped || w.limit < FULL || clock_mono() < t->claim_at)
		return false;
	if (w.limit > CLAIM)
		w.limit = CLAIM;
	webhook_inflight_quotas(t->inflight, t->flight, &w);
	w.lease = uuid_text(t->flight, uuid_v7());
	memcpy(t->lease, w.lease.p, w.lease.n + 1);
	webhook_delivery_claim(t->queue, t->flight, &w);
	t->doing = WEBHOOK_LEASE_CLAIMS;
	return true;
}

/*
 * Give back what a claim took whose answer was lost. A server that hung may
 * commit the claim long after we gave it up, so do it more than once.
 */
static void
release_lost(struct webhook_lease *t)
{
	int64_t now = clock_mono();

	if (now < t->take_back_at)
		return;
	t->take_back_at = now + TAKE_BACK;
	for (int i = 0; i < WEBHOOK_LEASE_LOST; i++)
		if (t->lost[i].until > now)
			webhook_delivery_release(t->queue, t->flight,
			    t->queue->holder, str_of(t->lost[i].lease));
	arena_reset(t->flight);
}

/* The statement under way ended: from now on its rows live in landed. */
static void
land_statement(struct webhook_lease *t)
{
	struct arena *a = t->landed;

	t->landed = t->flight;
	t->flight = a;
	t->doing = WEBHOOK_LEASE_NOTHING;
}

/*
 * Fetch what a claim took, and take the rows in hand while Postgres already
 * records ends. Claims and records take turns, or one would starve.
 */
void
webhook_lease_step(struct webhook_lease *t)
{
	int before = t->doing;
	struct rows *rows = NULL;
	enum err err = E_OK;

	if (before != WEBHOOK_LEASE_NOTHING) {
		if (!db_ended(t->queue->db, &rows, &err))
			return;
		land_statement(t);
	}
	if (before == WEBHOOK_LEASE_SETTLES)
		settled(t, err, rows);
	if (before == WEBHOOK_LEASE_CLAIMS && claimed(t, err, rows)) {
		begin_fetch(t);
		arena_reset(t->landed);
		return;
	}
	release_lost(t);
	if (before != WEBHOOK_LEASE_SETTLES || !begin_claim(t))
		begin_settle(t);
	if (before == WEBHOOK_LEASE_FETCHES)
		fetched(t, err, rows);
	if (t->doing == WEBHOOK_LEASE_NOTHING)
		begin_claim(t);
	arena_reset(t->landed);
}

int
webhook_lease_wait(const struct webhook_lease *t, struct pollfd *p, int ms)
{
	int64_t left = t->claim_at - clock_mono();

	*p = (struct pollfd){ .fd = -1 };
	if (t->doing != WEBHOOK_LEASE_NOTHING) {
		p->fd = db_fd(t->queue->db, &p->events);
		return p->fd < 0 ? 0 : ms;
	}
	if (t->stopped || left > ms * CLOCK_MS)
		return ms;
	return left > 0 ? (int)(left / CLOCK_MS) + 1 : NO_ROOM_MS;
}
