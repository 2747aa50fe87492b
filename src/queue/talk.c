#include "queue/talk.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/db.h"

#define CLAIM 512
#define SETTLE 512
#define FULL (CLAIM / 4)	   /* a claim after which there is more */
#define POLL (500 * CLOCK_MS)	   /* when there was nothing to claim */
#define SOON (20 * CLOCK_MS)	   /* when there was little */
#define AGAIN (200 * CLOCK_MS)	   /* the database did not answer */
#define TAKE_BACK CLOCK_SECOND
#define NO_ROOM_MS 10 /* a claim is due, and nowhere to put it */

void
talk_init(struct talk *t, struct queue *q, struct hand *h)
{
	*t = (struct talk){ .queue = q, .hand = h };
	t->flight = arena_new(LIMIT_ARENA);
	t->landed = arena_new(LIMIT_ARENA);
	t->gather = &t->ends[0];
	t->settle = &t->ends[1];
	t->gather->arena = arena_new(LIMIT_ARENA);
	t->settle->arena = arena_new(LIMIT_ARENA);
}

void
talk_close(struct talk *t)
{
	arena_free(&t->flight);
	arena_free(&t->landed);
	arena_free(&t->gather->arena);
	arena_free(&t->settle->arena);
}

struct delivery_end *
talk_end(struct talk *t, struct arena **a)
{
	int64_t soon = clock_mono() + SOON;

	if (t->claim_at > soon)
		t->claim_at = soon;
	*a = t->gather->arena;
	return &t->gather->list[t->gather->n++];
}

int
talk_holds(const struct talk *t)
{
	return t->hand->held + (int)(t->gather->n + t->settle->n);
}

bool
talk_lost(const struct talk *t)
{
	for (int i = 0; i < TALK_LOST; i++)
		if (t->lost[i].until > clock_mono())
			return true;
	return false;
}

static void
tell(const struct delivery_end *e)
{
	enum log_level level = e->what == DELIVERY_FAILED ||
	    e->what == DELIVERY_OURS ? LOG_INFO_ : LOG_DEBUG_;

	if (log_wants(level))
		log_write(level, "webhook tried", LOG_FIELDS(
		    log_s("delivery", e->id), log_c("state", e->state),
		    log_i("status", e->status)));
}

/* Something in the batch is refused: it must not take the rest with it. */
static void
refused(struct talk *t)
{
	t->one_by_one = true;
	if (t->batch > 1)
		return;
	log_error("the end of a delivery cannot be recorded",
	    log_s("delivery", t->settle->list[t->settle->done].id));
	t->settle->done++;
}

static void
settled(struct talk *t, enum err err, const struct rows *rows)
{
	struct ends *s = t->settle;

	if (err == E_UNAVAILABLE) {
		t->settle_at = clock_mono() + AGAIN;
		return;
	}
	if (err != E_OK) {
		refused(t);
	} else {
		delivery_settled(t->queue, t->landed, s->list + s->done,
		    t->batch, rows);
		for (size_t i = 0; i < t->batch; i++)
			tell(&s->list[s->done++]);
	}
	if (s->done < s->n)
		return;
	t->one_by_one = false;
	s->n = s->done = 0;
	arena_reset(s->arena);
}

static void
lose(struct talk *t)
{
	struct lost *oldest = &t->lost[0];

	for (int i = 1; i < TALK_LOST; i++)
		if (t->lost[i].until < oldest->until)
			oldest = &t->lost[i];
	oldest->until = clock_mono() + DELIVERY_LEASE;
	memcpy(oldest->lease, t->lease.p, t->lease.n + 1);
}

static void
claimed(struct talk *t, enum err err, const struct rows *rows)
{
	int64_t now = clock_mono();
	size_t n = err == E_OK ? rows->n : 0;
	struct delivery *list;

	if (err == E_UNAVAILABLE)
		lose(t);
	t->dry = n == 0;
	t->claim_at = n >= FULL ? 0 : now + (n ? SOON : POLL);
	if (n == 0)
		return;
	list = delivery_list(t->landed, rows, t->lease);
	for (size_t i = 0; i < n; i++)
		hand_add(t->hand, &list[i], now);
}

static bool
begin_settle(struct talk *t)
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
	t->batch = t->one_by_one ? 1 : s->n - s->done;
	if (t->batch > SETTLE)
		t->batch = SETTLE;
	delivery_settle(t->queue, t->flight, s->list + s->done, t->batch);
	t->doing = TALK_SETTLES;
	return true;
}

static bool
begin_claim(struct talk *t)
{
	struct delivery_wish w = { .limit = ERRANDS - talk_holds(t) };

	if (t->stopped || w.limit < FULL || clock_mono() < t->claim_at)
		return false;
	if (w.limit > CLAIM)
		w.limit = CLAIM;
	hand_rooms(t->hand, t->flight, &w);
	t->lease = w.lease = uuid_text(t->flight, uuid_v7());
	delivery_claim(t->queue, t->flight, &w);
	t->doing = TALK_CLAIMS;
	return true;
}

/*
 * What a claim took whose answer was lost is given back; a server that hung
 * may commit it long after we gave it up, hence more than once.
 */
static void
take_back(struct talk *t)
{
	int64_t now = clock_mono();

	if (now < t->take_back_at)
		return;
	t->take_back_at = now + TAKE_BACK;
	for (int i = 0; i < TALK_LOST; i++)
		if (t->lost[i].until > now)
			delivery_release(t->queue, t->flight,
			    t->queue->holder, str_of(t->lost[i].lease));
	arena_reset(t->flight);
}

/* The statement under way ended: its rows live in landed now. */
static void
land(struct talk *t)
{
	struct arena *a = t->landed;

	t->landed = t->flight;
	t->flight = a;
	t->doing = TALK_NOTHING;
}

/*
 * Claims and records take turns, or one of them would starve. What was
 * claimed is put into the hand while Postgres records already.
 */
void
talk_step(struct talk *t)
{
	bool claims = t->doing == TALK_CLAIMS;
	bool settles = t->doing == TALK_SETTLES;
	struct rows *rows = NULL;
	enum err err;

	if (t->doing != TALK_NOTHING) {
		if (!db_ended(t->queue->db, &rows, &err))
			return;
		land(t);
	}
	if (settles)
		settled(t, err, rows);
	if (t->doing == TALK_NOTHING && !claims)
		take_back(t);
	if (!(settles && begin_claim(t)))
		begin_settle(t);
	if (claims)
		claimed(t, err, rows);
	if (t->doing == TALK_NOTHING)
		begin_claim(t);
	arena_reset(t->landed);
}

int
talk_wait(const struct talk *t, struct pollfd *p, int ms)
{
	int64_t left = t->claim_at - clock_mono();

	*p = (struct pollfd){ .fd = -1 };
	if (t->doing != TALK_NOTHING) {
		p->fd = db_fd(t->queue->db, &p->events);
		return p->fd < 0 ? 0 : ms;
	}
	if (t->stopped || left > ms * CLOCK_MS)
		return ms;
	return left > 0 ? (int)(left / CLOCK_MS) + 1 : NO_ROOM_MS;
}
