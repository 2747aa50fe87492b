#ifndef WORKER_WEBHOOK_WEBHOOK_DELIVERY_H
#define WORKER_WEBHOOK_WEBHOOK_DELIVERY_H

#include "config/config.h"
#include "store/pg/db.h"
#include "worker/job/job.h"
#include "worker/webclient/webclient_pool.h"

/*
 * The worker's side of the tables webhook_deliveries and webhook_claims (rows
 * WH6 to WH13). A claim is a try begun, traced; how it ended is said for many
 * at once. The statements run while transfers go on.
 */
#define WEBHOOK_LEASE (60 * CLOCK_SECOND)
#define WEBHOOK_TRIES 10 /* row WH9 */

struct webhook_claim_batch;

struct delivery {
	struct str id;
	struct str event_id;
	struct str event;
	struct str body;
	int number;   /* of the try it is claimed for */
	int failures; /* of the tries before */
	bool wanted;  /* its owner still wants it (row WH13) */
	struct webhook_claim_batch *batch;
};

/* What to claim. */
struct webhook_claim_request {
	int limit;
	struct str ids;	  /* endpoints: "{uuid,…}" */
	struct str rooms; /* how many of each at most: "{n,…}" */
	int room;	  /* of any other */
	struct str lease; /* uuid text: the token of this claim */
};

/* Begin to claim, db_begin's way; then how many there are to fetch. */
void webhook_delivery_claim(struct queue *q, struct arena *a,
    const struct webhook_claim_request *w);
int64_t webhook_delivery_claimed(const struct rows *r);

/*
 * Begin to fetch what was claimed under a token, db_begin's way; then a row of
 * it at a time: the delivery, whose batch the caller finds, and what it shares
 * with others of its endpoint. All text lives in r, but for the secrets: in a.
 */
void webhook_delivery_fetch(struct queue *q, struct arena *a, struct str lease);
struct delivery webhook_delivery_row(const struct rows *r, size_t i);
struct str webhook_delivery_webhook(const struct rows *r, size_t i);
struct webhook_claim_batch webhook_delivery_batch(struct arena *a,
    const struct rows *r, size_t i,
    struct str lease);

/* How a try ended. */
struct webhook_outcome {
	struct str id;
	struct webhook_claim_batch *batch;
	const char *state; /* ready, done, dead */
	enum {
		WEBHOOK_OUTCOME_FINE,
		WEBHOOK_OUTCOME_FAILED,
		/* our doing: the endpoint is not judged */
		WEBHOOK_OUTCOME_OURS,
		WEBHOOK_OUTCOME_BACK	  /* not begun, does not count */
	} what;
	int64_t delay; /* µs, with ready */
	int64_t pause; /* µs the endpoint is left alone */
	int number;    /* of the try */
	int64_t begun_at, ended_at; /* µs, wall clock */
	long status;
	const char *error; /* NULL: none */
	struct str response;
	bool gone; /* the endpoint wants no more: 410 */
	bool echoed; /* the challenge came back (webhook_sign_echoed) */
};

/* What an answer means for d; everything of *out that is text lives in a. */
void webhook_outcome_of_answer(struct arena *a, const struct delivery *d,
    const struct webclient_answer *answer, struct webhook_outcome *out);

/* d is not to be sent at all, for this reason. */
void webhook_outcome_refused(struct arena *a, const struct delivery *d,
    const char *error, struct webhook_outcome *out);

/* We stop before its answer: it may arrive twice, with one id. */
void webhook_outcome_interrupted(struct arena *a, const struct delivery *d,
    struct webhook_outcome *out);

/* d was not begun: it is anybody's when its batch is over. */
void webhook_outcome_unstarted(struct arena *a, const struct delivery *d,
    struct webhook_outcome *out);

/*
 * Begin to record how n tries ended, db_begin's way; then, with its rows or
 * without when it failed: endpoints that failed for five days, or are gone, are
 * disabled and their owners told, and the deliveries leave their batches.
 */
void webhook_delivery_settle(struct queue *q, struct arena *a,
    const struct webhook_outcome *ends, size_t n);
void webhook_delivery_settled(struct queue *q, struct arena *a,
    const struct webhook_outcome *ends, size_t n, const struct rows *r);

/* They were not recorded, and will be tried again. */
void webhook_delivery_unsettled(const struct webhook_outcome *ends, size_t n);

/*
 * Give back what a holder claimed that is dead; with lease, one claim of its
 * alone, else STR_NONE.
 */
enum err webhook_delivery_release(struct queue *q, struct arena *a,
    struct str holder,
    struct str lease);

#endif
