#ifndef WORKER_WEBHOOK_WEBHOOK_CLAIM_BATCH_H
#define WORKER_WEBHOOK_WEBHOOK_CLAIM_BATCH_H

#include "config/config.h"
#include "crypto/keyring.h"
#include "worker/webhook/webhook_types.h"

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
