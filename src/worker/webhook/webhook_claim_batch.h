#ifndef WORKER_WEBHOOK_WEBHOOK_CLAIM_BATCH_H
#define WORKER_WEBHOOK_WEBHOOK_CLAIM_BATCH_H

#include "worker/webhook/webhook_sign.h"

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

/*
 * Move n strings into one block of memory, which the caller frees, with a NUL
 * behind each. The process ends when there is no memory.
 */
char *webhook_claim_batch_text(struct str *const list[], size_t n);

/* A copy of *b to be sent, with its own text and with left at 0. */
struct webhook_claim_batch *webhook_claim_batch_new(
    const struct webhook_claim_batch *b);

/* One delivery of b is out of our hands; the last one frees b. */
void webhook_claim_batch_drop(struct webhook_claim_batch *b);

/*
 * Find out where to send and how to sign, and set state. Done once for each
 * batch; a is for scratch.
 */
void webhook_claim_batch_ready(struct webhook_claim_batch *b, struct arena *a,
    const struct config *c,
    const struct keyring *k);

#endif
