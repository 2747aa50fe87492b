#ifndef WORKER_WEBHOOK_WEBHOOK_TYPES_H
#define WORKER_WEBHOOK_WEBHOOK_TYPES_H

#include "base/arena.h"
#include "base/clock.h"

/* What the files of this folder hand to one another, below all of them. */
#define WEBHOOK_LEASE (60 * CLOCK_SECOND)
#define WEBHOOK_TRIES 10 /* row WH9 */

struct webhook_sign;

/*
 * The deliveries that one claim took for one endpoint, and what they have in
 * common. The batch's row in webhook_claims goes when all their ends are
 * recorded.
 */
struct webhook_claim_batch {
	struct str lease; /* uuid text: the token of the claim */
	struct str webhook_id;
	struct str url;
	struct str secret;   /* sealed */
	struct str previous; /* sealed; STR_NONE: there is none */
	bool probing;	     /* the endpoint's last try failed */
	bool trial;	     /* the endpoint returned no challenge yet */
	int left;	     /* deliveries whose end is not recorded */
	int telling;	     /* of those, in the statement under way */
	bool kept;	     /* an end cannot be recorded: lease runs out */
	enum { CLAIM_BATCH_NEW, CLAIM_BATCH_FINE, CLAIM_BATCH_NO_ADDRESS,
	    CLAIM_BATCH_NO_KEY } state;
	struct webhook_sign *signer;
	char *text; /* the memory of the strings above */
};

struct delivery {
	struct str id;
	struct str event_id;
	struct str event;
	struct str body;
	int number;   /* of the try that it was claimed for */
	int failures; /* among the tries before */
	bool wanted;  /* its owner still wants it (row WH13) */
	struct webhook_claim_batch *batch;
};

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
		WEBHOOK_OUTCOME_BACK	  /* not begun: does not count */
	} what;
	int64_t delay; /* µs, with ready */
	int64_t pause; /* µs without tries at the endpoint */
	int number;    /* of the try */
	int64_t begun_at, ended_at; /* µs, wall clock */
	long status;
	const char *error; /* NULL: none */
	struct str response;
	bool gone; /* the endpoint wants no more: status 410 */
	bool echoed; /* the challenge came back (webhook_sign_echoed) */
};

#endif
