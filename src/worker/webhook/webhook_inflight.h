#ifndef WORKER_WEBHOOK_WEBHOOK_INFLIGHT_H
#define WORKER_WEBHOOK_WEBHOOK_INFLIGHT_H

#include "worker/webhook/webhook_delivery.h"
#include "worker/webhook/webhook_endpoint.h"

/*
 * What the courier has in hand: claimed deliveries, those that wait in a line
 * for each endpoint and those under way. All times µs, monotonic.
 */
#define WEBHOOK_PENDING_MAX 3072

struct webhook_pending {
	struct webhook_pending *next; /* in line, or free */
	struct webhook_endpoint *endpoint;
	bool used;
	bool begun;
	struct delivery d;
	char *text; /* the memory of the strings of d */
	int64_t claimed_at;
};

struct webhook_inflight {
	struct webhook_endpoints endpoints;
	struct webhook_pending pending[WEBHOOK_PENDING_MAX];
	struct webhook_pending *free;
	uint64_t takes; /* claims so far */
	int held;
	/* endpoints with deliveries that wait */
	struct webhook_endpoint *line, *smtp_queue_end;
	int lined;
};

void webhook_inflight_init(struct webhook_inflight *h, int slots);

/*
 * Copy what was claimed under lease; there must be room: held + r->n <=
 * WEBHOOK_PENDING_MAX.
 */
void webhook_inflight_take(struct webhook_inflight *h, const struct rows *r,
    struct str lease, int64_t now);

/*
 * The next delivery that may begin, each endpoint in turn; NULL: none. *back:
 * the caller must give it back instead, because its lease is too old to begin,
 * its endpoint may not have so many any more, or (all) we stop.
 */
struct webhook_pending *webhook_inflight_next(struct webhook_inflight *h,
    int64_t now, bool all, bool *back);

/* The transfer of x ended, fine or not, after took µs. */
void webhook_inflight_end(struct webhook_inflight *h, struct webhook_pending *x,
    bool fine, int64_t took);

/* x is out of our hands. */
void webhook_inflight_drop(struct webhook_inflight *h,
    struct webhook_pending *x);

/*
 * Fill *w with how many may be claimed of each endpoint that we know.
 */
void webhook_inflight_quotas(const struct webhook_inflight *h, struct arena *a,
    struct webhook_claim_request *w);

#endif
