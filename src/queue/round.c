#include "queue/round.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/outgoing/webhook_url.h"
#include "queue/batch.h"
#include "queue/talk.h"
#include "worker/smtp/smtp_pool.h"

#define SLOTS 512
#define WAIT_MS 100
#define GIVE_BACK (2 * CLOCK_SECOND)

/*
 * Claims that never ended: the message kills us. So many, because each death
 * counts for all that were claimed ahead, and most of them were only in line;
 * they go to its end then, so that the others get their turn meanwhile.
 */
#define BEGUN_MAX 1000

struct round {
	const struct config *config;
	struct queue *queue;
	struct webclient_pool *pool;
	struct hand hand;
	struct talk talk;
	struct arena *scratch; /* of one send */
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
	struct webclient_pool_options o = { .slots = SLOTS,
		.ca_file = c->webhooks_ca, .allow = allow, .arg = r };

	smtp_init();
	if (r == NULL || (r->pool = webclient_pool_new(&o)) == NULL) {
		log_error("out of memory", log_c("what", "courier"));
		exit(70);
	}
	r->config = c;
	r->queue = q;
	r->scratch = arena_new(LIMIT_ARENA);
	hand_init(&r->hand, SLOTS);
	talk_init(&r->talk, q, &r->hand);
	return r;
}

void
round_free(struct round **rp)
{
	struct round *r = *rp;

	for (int i = 0; i < ERRANDS; i++)
		if (r->hand.errands[i].used) {
			batch_drop(r->hand.errands[i].d.batch);
			hand_drop(&r->hand, &r->hand.errands[i]);
		}
	webclient_pool_free(&r->pool);
	talk_close(&r->talk);
	arena_free(&r->scratch);
	free(r);
	*rp = NULL;
}

/* Why it must not be sent at all, or NULL. */
static const char *
refusal(const struct delivery *d)
{
	if (!d->wanted)
		return "the webhook no longer takes this";
	return d->number > BEGUN_MAX ? "tried too often without an end" :
	    NULL;
}

static bool
send(struct round *r, struct errand *x)
{
	const struct batch *b = x->d.batch;
	const struct webclient_post post = {
		.url = b->url.p,
		.headers = signer_headers(r->scratch, b->signer, &x->d,
		    clock_wall() / CLOCK_SECOND),
		.body = x->d.body,
		.arg = x,
	};

	return webclient_pool_start(r->pool, &post);
}

/* Begin one, or say at once how it ended. */
static void
begin(struct round *r, struct errand *x)
{
	const struct webclient_answer no = { .reason = "not reachable" };
	const char *why = refusal(&x->d);
	struct batch *b = x->d.batch;
	struct delivery_end *end;
	struct arena *a;

	if (why == NULL)
		batch_ready(b, r->scratch, r->config, r->queue->keys);
	if (why == NULL && b->state == BATCH_NO_ADDRESS) {
		end = talk_end(&r->talk, &a);
		delivery_judge(a, &x->d, &no, end);
		hand_end(&r->hand, x, false, 0);
	} else if (why || b->state == BATCH_NO_KEY || !send(r, x)) {
		end = talk_end(&r->talk, &a);
		delivery_refuse(a, &x->d, why ? why : "it cannot be signed",
		    end);
		hand_end(&r->hand, x, true, 0);
	}
	arena_reset(r->scratch);
}

/* What waits begins, or goes back. */
static void
dispatch(struct round *r)
{
	int64_t now = clock_mono();
	struct delivery_end *end;
	struct errand *x;
	struct arena *a;
	bool back;

	while ((x = hand_next(&r->hand, now, r->talk.stopped, &back)) !=
	    NULL) {
		if (!back) {
			begin(r, x);
			continue;
		}
		end = talk_end(&r->talk, &a);
		delivery_back(a, &x->d, end);
		hand_drop(&r->hand, x);
	}
}

static void
collect(struct round *r)
{
	struct webclient_answer answer;
	struct delivery_end *end;
	struct arena *a;

	while (webclient_pool_next(r->pool, &answer)) {
		struct errand *x = answer.arg;
		struct batch *b = x->d.batch;

		end = talk_end(&r->talk, &a);
		delivery_judge(a, &x->d, &answer, end);
		end->echoed = b->trial && signer_echoed(r->scratch, b->signer,
		    &x->d, str_of(answer.body));
		arena_reset(r->scratch);
		hand_end(&r->hand, x, answer.reason == NULL, answer.took);
	}
}

void
round_step(struct round *r)
{
	struct pollfd other;
	int ms;

	talk_step(&r->talk);
	dispatch(r);
	ms = talk_wait(&r->talk, &other, WAIT_MS);
	webclient_poller_work(r->pool, ms, &other);
	collect(r);
}

void
round_stop(struct round *r)
{
	r->talk.stopped = true;
}

bool
round_over(const struct round *r, bool drained)
{
	const struct talk *t = &r->talk;

	return drained && talk_holds(t) == 0 && t->doing == TALK_NOTHING &&
	    (t->stopped || t->dry);
}

/* The answers of what is under way will not be heard. */
static void
abandon(struct round *r)
{
	struct delivery_end *end;
	struct arena *a;

	webclient_pool_free(&r->pool);
	for (int i = 0; i < ERRANDS; i++) {
		struct errand *x = &r->hand.errands[i];

		if (x->used && x->begun) {
			end = talk_end(&r->talk, &a);
			delivery_cut(a, &x->d, end);
			hand_end(&r->hand, x, true, 0);
		}
	}
}

bool
round_give_back(struct round *r)
{
	int64_t until = clock_mono() + GIVE_BACK;
	struct pollfd p;
	int ms;

	round_stop(r);
	abandon(r);
	while (!round_over(r, true) && clock_mono() < until) {
		talk_step(&r->talk);
		dispatch(r);
		ms = talk_wait(&r->talk, &p, WAIT_MS / 2);
		poll(&p, 1, ms);
	}
	return round_over(r, true) && !talk_lost(&r->talk);
}
