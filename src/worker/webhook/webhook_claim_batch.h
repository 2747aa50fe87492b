#ifndef WORKER_WEBHOOK_WEBHOOK_CLAIM_BATCH_H
#define WORKER_WEBHOOK_WEBHOOK_CLAIM_BATCH_H

#include "worker/webhook/webhook_sign.h"

/*
 * What one claim took of one endpoint, and what all of it has in common. Its
 * row in webhook_claims is over when the ends of all are recorded.
 */
struct webhook_claim_batch {
	struct str lease; /* uuid text: the token of the claim */
	struct str webhook_id;
	struct str url;
	struct str secret;   /* sealed */
	struct str previous; /* sealed; STR_NONE: there is none */
	bool probing;	     /* the endpoint's last try failed */
	bool trial;	     /* it gave no challenge back yet */
	int left;	     /* deliveries whose end is not recorded */
	int telling;	     /* of those, in the statement under way */
	bool kept;	     /* an end cannot be recorded: let it run out */
	enum { CLAIM_BATCH_NEW, CLAIM_BATCH_FINE, CLAIM_BATCH_NO_ADDRESS,
	    CLAIM_BATCH_NO_KEY } state;
	struct webhook_sign *signer;
	char *text; /* what the strings above are in */
};

/*
 * Move n strings into one block of memory, the caller's, a NUL behind each.
 * The process ends when there is none.
 */
char *webhook_claim_batch_text(struct str *const list[], size_t n);

/* A copy of *b that is to be sent, with text of its own; nothing left. */
struct webhook_claim_batch *webhook_claim_batch_new(
    const struct webhook_claim_batch *b);

/* One of its deliveries is out of our hands; after the last it is freed. */
void webhook_claim_batch_drop(struct webhook_claim_batch *b);

/*
 * Is it known where to send, and how to sign? Found out once, with a for
 * scratch; then state tells.
 */
void webhook_claim_batch_ready(struct webhook_claim_batch *b, struct arena *a,
    const struct config *c,
    const struct keyring *k);

#endif
