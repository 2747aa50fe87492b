#ifndef QUEUE_DELIVERY_H
#define QUEUE_DELIVERY_H

#include "base/config.h"
#include "queue/job.h"
#include "queue/transfer_http.h"
#include "store/db.h"

/*
 * The worker's side of table webhook_deliveries (rows WH6 to WH13). A claim is
 * a try begun, counted and traced; how it ended is said for many at once. Both
 * statements run while transfers go on.
 */
#define DELIVERY_LEASE (60 * CLOCK_SECOND)
#define DELIVERY_TRIES 10 /* row WH9 */

struct delivery {
	struct str id;
	struct str lease;
	struct str event_id;
	struct str event;
	struct str body;
	int attempts; /* begun, this one too */
	int failures; /* of the tries before */
	struct str webhook_id;
	struct str url;
	struct str secret;   /* sealed */
	struct str previous; /* sealed; STR_NONE: there is none */
	bool probing;	     /* the endpoint's last try failed */
	bool wanted;	     /* its owner still wants it (row WH13) */
};

/* What to claim. */
struct delivery_wish {
	int limit;
	struct str ids;	  /* endpoints: "{uuid,…}" */
	struct str rooms; /* how many of each at most: "{n,…}" */
	int room;	  /* of any other */
	struct str lease; /* uuid text: the token of this claim */
};

/*
 * Begin to claim, db_begin's way; then the n of its rows, which live in a and
 * in r.
 */
void delivery_claim(struct queue *q, struct arena *a,
    const struct delivery_wish *w);
struct delivery *delivery_list(struct arena *a, const struct rows *r,
    struct str lease);

/*
 * Both kinds of signature, and the rest of the request's headers, for a try at
 * now (Unix seconds); NULL ends the list. NULL when a secret cannot be
 * unsealed.
 */
const char *const *delivery_headers(struct arena *a, const struct keyring *k,
    const struct delivery *d, int64_t now);

/* How a try ended. */
struct delivery_end {
	struct str id;
	struct str lease;
	struct str webhook_id;
	const char *state; /* ready, done, dead */
	enum {
		DELIVERY_FINE,
		DELIVERY_FAILED,
		DELIVERY_OURS,	  /* our doing: the endpoint is not judged */
		DELIVERY_BACK	  /* not begun, does not count */
	} what;
	int64_t delay; /* µs, with ready */
	int64_t pause; /* µs the endpoint is left alone */
	int number;    /* of the try */
	int64_t begun_at, ended_at; /* µs, wall clock */
	long status;
	const char *error; /* NULL: none */
	struct str response;
	bool gone; /* the endpoint wants no more: 410 */
};

/* What an answer means for d; everything of *out that is text lives in a. */
void delivery_judge(struct arena *a, const struct delivery *d,
    const struct http_answer *answer, struct delivery_end *out);

/* d is not to be sent at all, for this reason. */
void delivery_refuse(struct arena *a, const struct delivery *d,
    const char *error, struct delivery_end *out);

/* We stop before its answer: it may arrive twice, with one id. */
void delivery_cut(struct arena *a, const struct delivery *d,
    struct delivery_end *out);

/* d was not begun: it is due now, for anybody. */
void delivery_back(struct arena *a, const struct delivery *d,
    struct delivery_end *out);

/*
 * Begin to record how n tries ended, db_begin's way; then, with its rows:
 * endpoints that failed for five days, or are gone, are disabled and their
 * owners told.
 */
void delivery_settle(struct queue *q, struct arena *a,
    const struct delivery_end *ends, size_t n);
void delivery_settled(struct queue *q, struct arena *a,
    const struct delivery_end *ends, size_t n, const struct rows *r);

/*
 * Give back what a holder claimed that is dead; with lease, one claim of its
 * alone, else STR_NONE.
 */
enum err delivery_release(struct queue *q, struct arena *a, struct str holder,
    struct str lease);

#endif
