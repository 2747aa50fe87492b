#include "worker/webhook/webhook_courier.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "core/outgoing/webhook_url.h"
#include "worker/smtp/smtp.h"
#include "worker/webhook/webhook_claim_batch.h"
#include "worker/webhook/webhook_lease.h"
#include "worker/webhook/webhook_sign.h"

#define SLOTS 512
#define WAIT_MS 100
#define GIVE_BACK (2 * CLOCK_SECOND)

/*
 * After so many claims without an end, the message itself kills us. The number
 * is high because each death counts for all that were claimed ahead, and most
 * of them were only in line; they then go to the end of the line, so that the
 * others get their turn meanwhile.
 */
#define BEGUN_MAX 1000

struct webhook_courier {
	const struct config *config;
	struct queue *queue;
	struct webclient_pool *pool;
	struct webhook_inflight inflight;
	struct webhook_lease lease;
	struct arena *scratch; /* of one send */
};

static bool
allow_address(void *arg, const struct net_addr *addr)
{
	const struct webhook_courier *r = arg;

	return webhook_address_ok(r->config, addr);
}

struct webhook_courier *
webhook_courier_new(const struct config *c, struct queue *q)
{
	struct webhook_courier *r = memory_new("a courier", 1, sizeof(*r));
	struct webclient_pool_options o = { .slots = SLOTS,
		.ca_file = c->webhooks_ca, .allow = allow_address, .arg = r };

	smtp_init();
	r->pool = webclient_pool_new(&o);
	r->config = c;
	r->queue = q;
	r->scratch = arena_new(LIMIT_ARENA);
	webhook_inflight_init(&r->inflight, SLOTS);
	webhook_lease_init(&r->lease, q, &r->inflight);
	return r;
}

void
webhook_courier_free(struct webhook_courier **rp)
{
	struct webhook_courier *r = *rp;

	for (int i = 0; i < WEBHOOK_PENDING_MAX; i++)
		if (r->inflight.pending[i].used) {
			webhook_claim_batch_drop(
			    r->inflight.pending[i].d.batch);
			webhook_inflight_drop(&r->inflight,
			    &r->inflight.pending[i]);
		}
	webclient_pool_free(&r->pool);
	webhook_lease_close(&r->lease);
	arena_free(&r->scratch);
	free(r);
	*rp = NULL;
}

/* Why d must not be sent at all, or NULL. */
static const char *
delivery_refusal(const struct delivery *d)
{
	if (!d->wanted)
		return "the webhook no longer takes this";
	return d->number > BEGUN_MAX ? "tried too often without an end" :
	    NULL;
}

static bool
send_delivery(struct webhook_courier *r, struct webhook_pending *x)
{
	const struct webhook_claim_batch *b = x->d.batch;
	const struct webclient_post post = {
		.url = b->url.p,
		.headers = webhook_sign_headers(r->scratch, b->signer, &x->d,
		    clock_wall() / CLOCK_SECOND),
		.body = x->d.body,
		.arg = x,
	};

	return webclient_pool_start(r->pool, &post);
}

/* Begin a delivery, or note at once how it ended. */
static void
begin_delivery(struct webhook_courier *r, struct webhook_pending *x)
{
	const struct webclient_answer no = { .reason = "not reachable" };
	const char *why = delivery_refusal(&x->d);
	struct webhook_claim_batch *b = x->d.batch;
	struct webhook_outcome *end;
	struct arena *a;

	if (why == NULL)
		webhook_claim_batch_ready(b, r->scratch, r->config,
		    r->queue->keys);
	if (why == NULL && b->state == CLAIM_BATCH_NO_ADDRESS) {
		end = webhook_lease_end(&r->lease, &a);
		webhook_outcome_of_answer(a, &x->d, &no, end);
		webhook_inflight_end(&r->inflight, x, false, 0);
	} else if (why || b->state == CLAIM_BATCH_NO_KEY) {
		end = webhook_lease_end(&r->lease, &a);
		webhook_outcome_refused(a, &x->d,
		    why ? why : "it cannot be signed",
		    end);
		webhook_inflight_end(&r->inflight, x, true, 0);
	} else if (!send_delivery(r, x)) {
		end = webhook_lease_end(&r->lease, &a);
		webhook_outcome_interrupted(a, &x->d,
		    "the request could not begin", CLOCK_SECOND, end);
		webhook_inflight_end(&r->inflight, x, true, 0);
	}
	arena_reset(r->scratch);
}

/* Begin the deliveries that wait, or give them back. */
static void
dispatch_pending(struct webhook_courier *r)
{
	int64_t now = clock_mono();
	struct webhook_outcome *end;
	struct webhook_pending *x;
	struct arena *a;
	bool back;

	while ((x = webhook_inflight_next(&r->inflight, now, r->lease.stopped,
	    &back)) !=
	    NULL) {
		if (!back) {
			begin_delivery(r, x);
			continue;
		}
		end = webhook_lease_end(&r->lease, &a);
		webhook_outcome_unstarted(a, &x->d, end);
		webhook_inflight_drop(&r->inflight, x);
	}
}

static void
collect_answers(struct webhook_courier *r)
{
	struct webclient_answer answer;
	struct webhook_outcome *end;
	struct arena *a;

	while (webclient_pool_next(r->pool, &answer)) {
		struct webhook_pending *x = answer.arg;
		struct webhook_claim_batch *b = x->d.batch;

		end = webhook_lease_end(&r->lease, &a);
		webhook_outcome_of_answer(a, &x->d, &answer, end);
		end->echoed = b->trial &&
		    webhook_sign_echoed(r->scratch, b->signer,
		    &x->d, str_of(answer.body));
		arena_reset(r->scratch);
		webhook_inflight_end(&r->inflight, x, answer.reason == NULL,
		    answer.took);
	}
}

void
webhook_courier_step(struct webhook_courier *r)
{
	struct pollfd other;
	int ms;

	webhook_lease_step(&r->lease);
	dispatch_pending(r);
	ms = webhook_lease_wait(&r->lease, &other, WAIT_MS);
	webclient_poller_work(r->pool, ms, &other);
	collect_answers(r);
}

void
webhook_courier_stop(struct webhook_courier *r)
{
	r->lease.stopped = true;
}

bool
webhook_courier_over(const struct webhook_courier *r, bool drained)
{
	const struct webhook_lease *t = &r->lease;

	return drained && webhook_lease_holds(t) == 0 &&
	    t->doing == WEBHOOK_LEASE_NOTHING &&
	    (t->stopped || t->dry);
}

/* Give up the transfers under way: nobody will hear their answers. */
static void
abandon(struct webhook_courier *r)
{
	struct webhook_outcome *end;
	struct arena *a;

	webclient_pool_free(&r->pool);
	for (int i = 0; i < WEBHOOK_PENDING_MAX; i++) {
		struct webhook_pending *x = &r->inflight.pending[i];

		if (x->used && x->begun) {
			end = webhook_lease_end(&r->lease, &a);
			webhook_outcome_interrupted(a, &x->d,
			    "the worker stopped before the answer", 0, end);
			webhook_inflight_end(&r->inflight, x, true, 0);
		}
	}
}

bool
webhook_courier_give_back(struct webhook_courier *r)
{
	int64_t until = clock_mono() + GIVE_BACK;
	struct pollfd p;
	int ms;

	webhook_courier_stop(r);
	abandon(r);
	while (!webhook_courier_over(r, true) && clock_mono() < until) {
		webhook_lease_step(&r->lease);
		dispatch_pending(r);
		ms = webhook_lease_wait(&r->lease, &p, WAIT_MS / 2);
		poll(&p, 1, ms);
	}
	return webhook_courier_over(r, true) && !webhook_lease_lost(&r->lease);
}
