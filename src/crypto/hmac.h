#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include <stdint.h>

#include "base/str.h"

/*
 * HMAC-SHA-256 (RFC 2104) with one key that is set up once for many texts.
 * Uses OpenSSL, which has the processor's instructions for SHA-256: several
 * times as fast as libsodium.
 */
#define HMAC_BYTES 32

struct hmac;

/*
 * Set up a key of any length. The caller frees the result, which wipes it. The
 * process ends when there is no memory.
 */
struct hmac *hmac_new(struct str key);
void hmac_free(struct hmac **h);

/* The HMAC of the n parts, joined to one text. */
void hmac_sum(struct hmac *h, const struct str *parts, size_t n,
    uint8_t out[HMAC_BYTES]);

#endif
