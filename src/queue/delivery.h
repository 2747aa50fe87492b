#ifndef QUEUE_DELIVERY_H
#define QUEUE_DELIVERY_H

#include "base/config.h"
#include "queue/job.h"
#include "queue/transfer_http.h"

/*
 * The worker's side of table webhook_deliveries (rows WH6 to WH13). A claim is
 * a try begun, counted and traced; how it ended is said for many at once.
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

/*
 * Up to limit tries, at most per of one endpoint and none of the endpoints in
 * full (comma separated). They live in a.
 */
enum err delivery_claim(struct queue *q, struct arena *a, int limit, int per,
    struct str full, struct delivery **out, size_t *n);

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
	enum { DELIVERY_FINE, DELIVERY_FAILED, DELIVERY_UNTRIED } what;
	int64_t delay;	   /* µs, with ready */
	int64_t pause;	   /* µs the endpoint is left alone */
	long status;
	const char *error; /* NULL: none */
	struct str response;
	bool gone;	   /* the endpoint wants no more: 410 */
};

/* What an answer means for d; everything of *out that is text lives in a. */
void delivery_judge(struct arena *a, const struct delivery *d,
    const struct http_answer *answer, struct delivery_end *out);

/* d is not to be sent at all, for this reason. */
void delivery_refuse(struct arena *a, const struct delivery *d,
    const char *error, struct delivery_end *out);

/*
 * Record how n tries ended; endpoints that failed for five days, or are gone,
 * are disabled and their owners told. E_UNAVAILABLE: the database did not
 * answer until patience ended.
 */
enum err delivery_settle(struct queue *q, struct arena *a,
    const struct delivery_end *ends, size_t n);

/* Not tried: due now, for anybody. */
enum err delivery_release(struct queue *q, struct arena *a,
    const struct delivery *d);

/* Give back the tries of a holder that is dead. */
enum err delivery_release_holder(struct queue *q, struct arena *a,
    struct str holder);

#endif
