#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include <stdint.h>

#include "base/str.h"

/*
 * HMAC-SHA-256 (RFC 2104) with one key, made ready once for many texts. By
 * OpenSSL, which uses the processor's instructions for SHA-256: several times
 * as fast as libsodium's.
 */
#define HMAC_BYTES 32

struct hmac;

/*
 * A key of any length; the caller's, to be freed, which wipes it. The process
 * ends when there is no memory.
 */
struct hmac *hmac_new(struct str key);
void hmac_free(struct hmac **h);

/* The code of n parts as one text. */
void hmac_sum(struct hmac *h, const struct str *parts, size_t n,
    uint8_t out[HMAC_BYTES]);

#endif
