#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include <stdint.h>

#include "base/str.h"

/*
 * HMAC-SHA-256 (RFC 2104) with one key that is set up once for many texts.
 * Uses OpenSSL, which has the processor's instructions for SHA-256: ten times
 * as fast as libsodium.
 */
#define HMAC_BYTES 32
#define HMAC_STATE 112

/* SHA-256 behind the two pads of a key: as secret as the key. */
struct hmac {
	uint8_t inner[HMAC_STATE], outer[HMAC_STATE];
};

/* Set up a key of any length. Who owns *out wipes it (hmac_wipe). */
void hmac_key(struct hmac *out, struct str key);
void hmac_wipe(struct hmac *h);

/* The HMAC of the n parts, joined to one text. */
void hmac_sum(const struct hmac *h, const struct str *parts, size_t n,
    uint8_t out[HMAC_BYTES]);

#endif
