#ifndef CRYPTO_TOTP_H
#define CRYPTO_TOTP_H

#include <stdint.h>

#include "base/arena.h"

/*
 * Time-based one-time passwords (RFC 6238) as every authenticator application
 * computes them: HMAC-SHA-1, 6 digits, 30 seconds. The one door to liboath.
 */
#define TOTP_DIGITS 6
#define TOTP_SECRET 20 /* bytes: 160 random bits (row TO1, RFC 4226 R6) */

/* A new secret of TOTP_SECRET bytes. */
struct str totp_secret(struct arena *a);

/* Base32 without padding, as people and URIs carry it. */
struct str totp_base32(struct arena *a, struct str secret);

/* The step of a wall-clock time in seconds. */
int64_t totp_step(int64_t seconds);

/*
 * Is code that of the step before now, of now's, or of the next (row TO5)? All
 * three are computed and compared in constant time (row TO7). *step is the step
 * that matched. False also when code is not six ASCII digits.
 */
bool totp_match(struct str secret, struct str code, int64_t seconds,
    int64_t *step);

#endif
