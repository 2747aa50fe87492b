#include "worker/mail/mail_lease.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#define AHEAD_MAX 448 /* mails claimed before there is a connection for them */
#define CLAIM_EVERY (100 * CLOCK_MS)  /* when nothing was left at the last */
#define SETTLE_EVERY (10 * CLOCK_MS)  /* what a crash may send twice */
#define BRISK (50 * CLOCK_MS)	      /* below: ask for more */
#define SLACK (200 * CLOCK_MS)	      /* above: ask for less */
#define LOOK_MS 100 /* a statement has a deadline */

void
mail_lease_init(struct mail_lease *t, struct queue *q, struct mail_inflight *h,
    int connections)
{
	*t = (struct mail_lease){ .queue = q, .inflight = h,
		.connections = connections };
	t->claims = arena_new(LIMIT_ARENA);
	t->ends = arena_new(LIMIT_ARENA);
}

void
mail_lease_close(struct mail_lease *t)
{
	arena_free(&t->claims);
	arena_free(&t->ends);
}

/* The connections work on until the statement under way has ended. */
static enum err
land_claim(struct mail_lease *t, struct rows **rows)
{
	struct db *db = t->queue->db;
	struct pollfd p = { .fd = -1 };
	enum err err;

	while (!db_ended(db, rows, &err)) {
		p.fd = db_fd(db, &p.events);
		smtp_work(t->inflight->transfer, &p, LOOK_MS);
	}
	return err;
}

/*
 * How many mails to claim: what the connections can take, and in addition as
 * many as they sent between the last two claims. So no queue builds up before a
 * slow relay, where a crash would count it as tries and a new reset mail would
 * wait behind it, and a fast relay never waits for the database.
 */
static int
room(struct mail_lease *t, int64_t now)
{
	const struct mail_inflight *h = t->inflight;
	int n, left = SMTP_ROOM - 1 - h->used; /* one is for a probe */

	if (h->open == 0)
		t->claim_at = 0;
	if (now < t->claim_at || smtp_waiting(h->transfer) > t->ahead / 2)
		return 0;
	n = t->connections + t->ahead - h->open;
	return n < left ? n : left;
}

static void
adapt(struct mail_lease *t, int64_t now)
{
	int64_t lasted = now - t->claimed_at;

	t->claimed_at = now;
	if (!t->full)
		return;
	if (lasted < BRISK)
		t->ahead = t->ahead * 2 + t->connections;
	else if (lasted > SLACK)
		t->ahead /= 2;
	if (t->ahead > AHEAD_MAX)
		t->ahead = AHEAD_MAX;
}

void
mail_lease_claim(struct mail_lease *t)
{
	int64_t now = clock_mono();
	int want = room(t, now);
	struct rows *rows = NULL;
	enum err err;

	if (want <= 0)
		return;
	adapt(t, now);
	job_claim_begin(t->queue, t->claims, want, "mail");
	err = land_claim(t, &rows);
	t->claimed = job_claimed(t->queue, t->claims, now, err, rows,
	    &t->jobs);
	t->full = t->claimed == (size_t)want;
	t->claim_at = t->full ? 0 : now + CLAIM_EVERY;
}

void
mail_lease_take(struct mail_lease *t)
{
	for (size_t i = 0; i < t->claimed; i++)
		mail_inflight_add(t->inflight, &t->jobs[i]);
	t->claimed = 0;
	arena_reset(t->claims);
}

static void
say(struct mail_lease *t, size_t from, size_t n)
{
	struct job_end list[SMTP_ROOM];

	for (size_t i = 0; i < n; i++)
		list[i] = t->batch[from + i]->end;
	arena_reset(t->ends);
	job_settle_begin(t->queue, t->ends, list, n);
}

/* Try again soon, in one statement with the ends that came meanwhile. */
static bool
is_time(const struct mail_lease *t)
{
	const struct mail_inflight *h = t->inflight;
	int ended = h->used - h->open;

	return ended > t->ahead / 4 || (ended && (h->open == 0 ||
	    clock_mono() - h->ended_at >= SETTLE_EVERY));
}

bool
mail_lease_settle(struct mail_lease *t, bool all)
{
	if (!all && !is_time(t))
		return false;
	t->n = mail_inflight_ended(t->inflight, t->batch);
	if (t->n)
		say(t, 0, t->n);
	return t->n > 0;
}

/* Repeat the statement while the database does not answer. */
static enum err
heard(struct mail_lease *t, size_t from, size_t n, struct rows **rows)
{
	struct queue *q = t->queue;
	enum err err = land_claim(t, rows);

	while (err == E_UNAVAILABLE && q->patience(q->arg)) {
		say(t, from, n);
		err = land_claim(t, rows);
	}
	q->claims_left |= err == E_UNAVAILABLE;
	return err;
}

static void
drop_item(struct mail_lease *t, struct mail_item *l, enum err err,
    const struct rows *rows)
{
	if (err != E_OK && err != E_UNAVAILABLE)
		log_error("the end of a mail cannot be recorded",
		    log_s("job", l->job.id));
	mail_inflight_drop(t->inflight, l, err == E_OK &&
	    job_settled(rows, &l->end));
}

void
mail_lease_settled(struct mail_lease *t)
{
	struct rows *rows = NULL;
	enum err err = heard(t, 0, t->n, &rows);
	bool one_by_one = t->n > 1 && err != E_OK;

	for (size_t i = 0; i < t->n; i++) {
		if (one_by_one && err != E_UNAVAILABLE) {
			say(t, i, 1);
			err = heard(t, i, 1, &rows);
		}
		drop_item(t, t->batch[i], err, rows);
	}
	t->n = 0;
	arena_reset(t->ends);
	if (t->inflight->used == 0)
		mail_inflight_shrink(t->inflight);
}
