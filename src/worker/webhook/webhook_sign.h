#ifndef WORKER_WEBHOOK_WEBHOOK_SIGN_H
#define WORKER_WEBHOOK_WEBHOOK_SIGN_H

#include "crypto/keyring.h"
#include "worker/webhook/webhook_types.h"

/*
 * A webhook's secrets, made ready to sign what is delivered to it (rows WH6
 * and WH7).
 */
struct webhook_sign;

/*
 * From the sealed secret of that webhook, and the one before it or STR_NONE.
 * The caller frees the result, which wipes it. NULL when the secret cannot be
 * unsealed or is not a webhook's secret; a is for scratch.
 */
struct webhook_sign *webhook_sign_new(struct arena *a, const struct keyring *k,
    struct str webhook_id, struct str secret, struct str previous);
void webhook_sign_free(struct webhook_sign **s);

/*
 * Both kinds of signature and the other headers of the request, for a try at
 * now (Unix seconds), in a; NULL ends the list. An endpoint on trial also gets
 * the challenge of the delivery.
 */
const char *const *webhook_sign_headers(struct arena *a, struct webhook_sign *s,
    const struct delivery *d, int64_t now);

/*
 * Is body the challenge of d, alone, in quotes or as {"challenge":…}? It must
 * be nothing else, because some servers answer with whatever they were sent.
 */
bool webhook_sign_echoed(struct arena *a, struct webhook_sign *s,
    const struct delivery *d, struct str body);

#endif
