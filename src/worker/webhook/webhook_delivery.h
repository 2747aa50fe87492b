#ifndef WORKER_WEBHOOK_WEBHOOK_DELIVERY_H
#define WORKER_WEBHOOK_WEBHOOK_DELIVERY_H

#include "config/config.h"
#include "store/pg/db.h"
#include "worker/job/job.h"
#include "worker/webclient/webclient.h"
#include "worker/webhook/webhook_types.h"

/*
 * The worker's side of the tables webhook_deliveries and webhook_claims (rows
 * WH6 to WH13). A claim records that a try begins; one statement records how
 * many tries ended. The statements run while transfers go on.
 */

/* What to claim. */
struct webhook_claim_request {
	int limit;
	struct str ids;	  /* endpoints: "{uuid,…}" */
	struct str rooms; /* the most of each: "{n,…}" */
	int room;	  /* the most of any other endpoint */
	struct str lease; /* uuid text: the token of this claim */
};

/* Begin to claim, as db_begin does; then the number of rows to fetch. */
void webhook_delivery_claim(struct queue *q, struct arena *a,
    const struct webhook_claim_request *w);
int64_t webhook_delivery_claimed(const struct rows *r);

/*
 * Begin to fetch what was claimed under a token, as db_begin does. Then read
 * one row at a time: the delivery, whose batch the caller finds, and what it
 * shares with others of its endpoint. The text lives in the row.
 */
void webhook_delivery_fetch(struct queue *q, struct arena *a, struct str lease);
struct delivery webhook_delivery_of(const struct webhook_claimed_row *row);
struct webhook_claim_batch webhook_delivery_batch(
    const struct webhook_claimed_row *row, struct str lease);

/* What an answer means for d; the text of *out lives in a. */
void webhook_outcome_of_answer(struct arena *a, const struct delivery *d,
    const struct webclient_answer *answer, struct webhook_outcome *out);

/* d must not be sent at all; error says why. */
void webhook_outcome_refused(struct arena *a, const struct delivery *d,
    const char *error, struct webhook_outcome *out);

/*
 * A fault of ours ended the try before its answer: due again after delay (µs).
 * d may arrive twice, with one id. error is kept in the trace.
 */
void webhook_outcome_interrupted(struct arena *a, const struct delivery *d,
    const char *error, int64_t delay, struct webhook_outcome *out);

/* d was not begun: any worker may claim it when its batch is over. */
void webhook_outcome_unstarted(struct arena *a, const struct delivery *d,
    struct webhook_outcome *out);

/*
 * Begin to record how n tries ended, as db_begin does. Then call settled with
 * the statement's rows: it disables endpoints that failed for five days or are
 * gone, tells their owners, and takes the deliveries out of their batches.
 */
void webhook_delivery_settle(struct queue *q, struct arena *a,
    const struct webhook_outcome *ends, size_t n);
void webhook_delivery_settled(struct queue *q, struct arena *a,
    const struct webhook_outcome *ends, size_t n, const struct rows *r);

/* The ends were not recorded; recording them will be tried again. */
void webhook_delivery_unsettled(const struct webhook_outcome *ends, size_t n);

/*
 * Give back what a dead holder claimed; with lease only that claim of the
 * holder, with STR_NONE all.
 */
enum err webhook_delivery_release(struct queue *q, struct arena *a,
    struct str holder,
    struct str lease);

#endif
