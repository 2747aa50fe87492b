#include "queue/round.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/webhook_url.h"
#include "queue/hand.h"
#include "queue/transfer.h"

#define SLOTS 256
#define CLAIM 512
#define SETTLE 512
#define FULL (CLAIM / 4)	   /* a claim after which there is more */
#define POLL (500 * CLOCK_MS)	   /* when there was nothing to claim */
#define SOON (20 * CLOCK_MS)	   /* when there was little */
#define AGAIN (200 * CLOCK_MS)	   /* the database did not answer */
#define TAKE_BACK CLOCK_SECOND
#define WAIT_MS 100
#define GIVE_BACK (2 * CLOCK_SECOND)
#define BEGUN_MAX 100 /* tries that never ended: the message kills us */
#define LOST 16

/* Ends to be recorded, and their text. */
struct ends {
	struct arena *arena;
	struct delivery_end list[ERRANDS];
	size_t n;
	size_t done; /* recorded */
};

/* A claim whose answer was lost; it may even be committed later. */
struct lost {
	char lease[40];
	int64_t until;
};

struct round {
	const struct config *config;
	struct queue *queue;
	struct http_pool *pool;
	struct hand hand;
	struct arena *scratch; /* of one send */
	struct arena *flight;  /* of one statement */
	enum { NOTHING, CLAIMING, SETTLING } doing;
	struct str lease; /* of the claim under way */
	struct ends ends[2];
	struct ends *gather, *settle;
	size_t batch;	  /* of settle, in the statement under way */
	bool one_by_one;  /* something among them is refused */
	bool stopped;
	bool dry;	  /* the last claim found nothing */
	int64_t claim_at; /* all µs, monotonic */
	int64_t settle_at;
	int64_t take_back_at;
	struct lost lost[LOST];
};

static bool
allow(void *arg, const struct net_addr *addr)
{
	const struct round *r = arg;

	return webhook_address_ok(r->config, addr);
}

struct round *
round_new(const struct config *c, struct queue *q)
{
	struct round *r = calloc(1, sizeof(*r));
	struct http_pool_options o = { .slots = SLOTS,
		.ca_file = c->webhooks_ca, .allow = allow, .arg = r };

	transfer_init();
	if (r == NULL || (r->pool = http_pool_new(&o)) == NULL) {
		log_error("out of memory", log_c("what", "courier"));
		exit(70);
	}
	r->config = c;
	r->queue = q;
	hand_init(&r->hand, SLOTS);
	r->scratch = arena_new(LIMIT_ARENA);
	r->flight = arena_new(LIMIT_ARENA);
	r->gather = &r->ends[0];
	r->settle = &r->ends[1];
	r->gather->arena = arena_new(LIMIT_ARENA);
	r->settle->arena = arena_new(LIMIT_ARENA);
	return r;
}

void
round_free(struct round **rp)
{
	struct round *r = *rp;

	for (int i = 0; i < ERRANDS; i++)
		if (r->hand.errands[i].used)
			hand_drop(&r->hand, &r->hand.errands[i]);
	http_pool_free(&r->pool);
	arena_free(&r->scratch);
	arena_free(&r->flight);
	arena_free(&r->gather->arena);
	arena_free(&r->settle->arena);
	free(r);
	*rp = NULL;
}

static struct delivery_end *
next_end(struct round *r)
{
	return &r->gather->list[r->gather->n++];
}

/* What is in hand or not yet recorded: all of it has a place. */
static int
in_hand(const struct round *r)
{
	return r->hand.held + (int)(r->gather->n + r->settle->n);
}

/* Why it must not be sent at all, or NULL. */
static const char *
refusal(const struct delivery *d)
{
	if (!d->wanted)
		return "the webhook no longer takes this";
	return d->attempts > BEGUN_MAX ? "tried too often without an end" :
	    NULL;
}

static bool
send(struct round *r, struct errand *x)
{
	const struct delivery *d = &x->d;
	const struct http_post post = {
		.url = arena_cstr(r->scratch, d->url),
		.headers = delivery_headers(r->scratch, r->queue->keys, d,
		    clock_wall() / CLOCK_SECOND),
		.body = d->body,
		.arg = x,
	};

	return post.headers && http_pool_start(r->pool, &post);
}

/* Begin one, or say at once how it ended. */
static void
begin(struct round *r, struct errand *x)
{
	const struct http_answer no = { .reason = "not reachable" };
	const char *why = refusal(&x->d);
	struct webhook_url url;

	if (why == NULL && !webhook_url_ok(r->scratch, r->config, x->d.url,
	    &url)) {
		delivery_judge(r->gather->arena, &x->d, &no, next_end(r));
		hand_end(&r->hand, x, false, 0);
	} else if (why || !send(r, x)) {
		delivery_refuse(r->gather->arena, &x->d, why ? why :
		    "it cannot be signed", next_end(r));
		hand_end(&r->hand, x, true, 0);
	}
	arena_reset(r->scratch);
}

/* What waits begins, or goes back. */
static void
dispatch(struct round *r)
{
	int64_t now = clock_mono();
	struct errand *x;
	bool back;

	while ((x = hand_next(&r->hand, now, r->stopped, &back)) != NULL) {
		if (!back) {
			begin(r, x);
			continue;
		}
		delivery_back(r->gather->arena, &x->d, next_end(r));
		hand_drop(&r->hand, x);
	}
}

static void
collect(struct round *r)
{
	struct http_answer answer;
	int64_t soon = clock_mono() + SOON;

	while (http_pool_next(r->pool, &answer)) {
		struct errand *x = answer.arg;

		delivery_judge(r->gather->arena, &x->d, &answer, next_end(r));
		hand_end(&r->hand, x, answer.reason == NULL, answer.took);
		if (r->claim_at > soon)
			r->claim_at = soon;
	}
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
refused(struct round *r)
{
	r->one_by_one = true;
	if (r->batch > 1)
		return;
	log_error("the end of a delivery cannot be recorded",
	    log_s("delivery", r->settle->list[r->settle->done].id));
	r->settle->done++;
}

static void
settled(struct round *r, enum err err, const struct rows *rows)
{
	struct ends *s = r->settle;

	if (err == E_UNAVAILABLE) {
		r->settle_at = clock_mono() + AGAIN;
		return;
	}
	if (err != E_OK) {
		refused(r);
	} else {
		delivery_settled(r->queue, r->flight, s->list + s->done,
		    r->batch, rows);
		for (size_t i = 0; i < r->batch; i++)
			tell(&s->list[s->done++]);
	}
	if (s->done < s->n)
		return;
	r->one_by_one = false;
	s->n = s->done = 0;
	arena_reset(s->arena);
}

static void
lose(struct round *r)
{
	struct lost *oldest = &r->lost[0];

	for (int i = 1; i < LOST; i++)
		if (r->lost[i].until < oldest->until)
			oldest = &r->lost[i];
	oldest->until = clock_mono() + DELIVERY_LEASE;
	memcpy(oldest->lease, r->lease.p, r->lease.n + 1);
}

static void
claimed(struct round *r, enum err err, const struct rows *rows)
{
	int64_t now = clock_mono();
	size_t n = err == E_OK ? rows->n : 0;
	struct delivery *list;

	if (err == E_UNAVAILABLE)
		lose(r);
	r->dry = n == 0;
	r->claim_at = n >= FULL ? 0 : now + (n ? SOON : POLL);
	if (n == 0)
		return;
	list = delivery_list(r->flight, rows, r->lease);
	for (size_t i = 0; i < n; i++)
		hand_add(&r->hand, &list[i], now);
}

/* Has the statement under way ended? */
static bool
landed(struct round *r)
{
	struct rows *rows;
	enum err err;

	if (!db_ended(r->queue->db, &rows, &err))
		return false;
	if (r->doing == CLAIMING)
		claimed(r, err, rows);
	else
		settled(r, err, rows);
	r->doing = NOTHING;
	arena_reset(r->flight);
	return true;
}

static bool
begin_settle(struct round *r)
{
	struct ends *s;

	if (clock_mono() < r->settle_at)
		return false;
	if (r->settle->n == 0) {
		s = r->gather;
		r->gather = r->settle;
		r->settle = s;
	}
	s = r->settle;
	if (s->n == 0)
		return false;
	r->batch = r->one_by_one ? 1 : s->n - s->done;
	if (r->batch > SETTLE)
		r->batch = SETTLE;
	delivery_settle(r->queue, r->flight, s->list + s->done, r->batch);
	r->doing = SETTLING;
	return true;
}

static bool
begin_claim(struct round *r)
{
	struct delivery_wish w = { .limit = ERRANDS - in_hand(r) };

	if (r->stopped || w.limit < FULL || clock_mono() < r->claim_at)
		return false;
	if (w.limit > CLAIM)
		w.limit = CLAIM;
	hand_rooms(&r->hand, r->flight, &w);
	r->lease = w.lease = uuid_text(r->flight, uuid_v7());
	delivery_claim(r->queue, r->flight, &w);
	r->doing = CLAIMING;
	return true;
}

/*
 * What a claim took whose answer was lost is given back; a server that hung
 * may commit it long after we gave it up, hence more than once.
 */
static void
take_back(struct round *r)
{
	int64_t now = clock_mono();

	if (now < r->take_back_at)
		return;
	r->take_back_at = now + TAKE_BACK;
	for (int i = 0; i < LOST; i++)
		if (r->lost[i].until > now)
			delivery_release(r->queue, r->flight,
			    r->queue->holder, str_of(r->lost[i].lease));
	arena_reset(r->flight);
}

/* Claims and records take turns, or one of them would starve. */
static void
talk(struct round *r)
{
	bool claim_first = r->doing == SETTLING;

	if (r->doing != NOTHING && !landed(r))
		return;
	take_back(r);
	if (claim_first && begin_claim(r))
		return;
	if (!begin_settle(r))
		begin_claim(r);
}

/* How long nothing is to be done, as far as we know. */
static int
idle_ms(const struct round *r)
{
	int64_t left = r->claim_at - clock_mono();

	if (r->doing != NOTHING || r->stopped || left > WAIT_MS * CLOCK_MS)
		return WAIT_MS;
	return left > 0 ? (int)(left / CLOCK_MS) + 1 : 1;
}

void
round_step(struct round *r)
{
	struct pollfd other = { .fd = -1 };
	int ms;

	talk(r);
	dispatch(r);
	ms = idle_ms(r);
	if (r->doing != NOTHING) {
		other.fd = db_fd(r->queue->db, &other.events);
		ms = other.fd < 0 ? 0 : ms;
	}
	http_pool_work(r->pool, ms, &other);
	collect(r);
}

void
round_stop(struct round *r)
{
	r->stopped = true;
}

bool
round_over(const struct round *r, bool drained)
{
	return drained && in_hand(r) == 0 && r->doing == NOTHING &&
	    (r->stopped || r->dry);
}

/* The answers of what is under way will not be heard. */
static void
abandon(struct round *r)
{
	http_pool_free(&r->pool);
	for (int i = 0; i < ERRANDS; i++) {
		struct errand *x = &r->hand.errands[i];

		if (x->used && x->begun) {
			delivery_cut(r->gather->arena, &x->d, next_end(r));
			hand_end(&r->hand, x, true, 0);
		}
	}
}

bool
round_give_back(struct round *r)
{
	int64_t now = clock_mono(), until = now + GIVE_BACK;
	struct pollfd p;

	r->stopped = true;
	abandon(r);
	while (!round_over(r, true) && clock_mono() < until) {
		talk(r);
		dispatch(r);
		p.fd = db_fd(r->queue->db, &p.events);
		poll(&p, 1, p.fd < 0 ? 10 : 50);
	}
	for (int i = 0; i < LOST; i++)
		if (r->lost[i].until > now)
			return false;
	return round_over(r, true);
}
