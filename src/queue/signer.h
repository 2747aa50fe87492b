#ifndef QUEUE_SIGNER_H
#define QUEUE_SIGNER_H

#include "crypto/keyring.h"
#include "queue/delivery.h"

/*
 * A webhook's secrets, made ready to sign what is delivered to it (rows WH6
 * and WH7).
 */
struct signer;

/*
 * From the sealed secret of that webhook, and the one before it or STR_NONE.
 * The caller's, to be freed, which wipes it. NULL when the secret cannot be
 * unsealed or is none; a is for scratch.
 */
struct signer *signer_new(struct arena *a, const struct keyring *k,
    struct str webhook_id, struct str secret, struct str previous);
void signer_free(struct signer **s);

/*
 * Both kinds of signature, and the rest of the request's headers, for a try at
 * now (Unix seconds), in a; NULL ends the list. An endpoint on trial gets the
 * challenge of the delivery besides.
 */
const char *const *signer_headers(struct arena *a, struct signer *s,
    const struct delivery *d, int64_t now);

/*
 * Is body the challenge of d, alone, in quotes or as {"challenge":…}? So
 * strict, because some servers answer with whatever they were sent.
 */
bool signer_echoed(struct arena *a, struct signer *s,
    const struct delivery *d, struct str body);

#endif
