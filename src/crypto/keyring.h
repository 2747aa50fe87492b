#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include <stdint.h>

#include "config/config.h"

/*
 * The root secrets of a process and the keys that HKDF-SHA-256 derives from
 * them with a label per purpose (security row CF3). Kept in locked memory
 * (sodium_malloc), never logged.
 */
struct keyring;

/*
 * From keys.sealing, or from jwt.secret (version 0) when that is empty. NULL
 * when a version is not 1..255 or appears twice, or a key is not 32 bytes; *why
 * then names the setting.
 *
 * Version 0 has one more key for each of jwt.previous_secrets, so that rotating
 * jwt.secret loses neither sealed rows nor sessions. Once keys.sealing is set,
 * version 0 only opens what it sealed ("seal"): services that know the shared
 * jwt.secret must not be able to make tokens with it.
 */
struct keyring *keyring_new(const struct config *c, const char **why);
void keyring_free(struct keyring **k);

/* The version that seals and derives now. */
uint8_t keyring_current(const struct keyring *k);

/*
 * 32 bytes for a purpose ("refresh", "reset", "otp", "seal", …; at most 31
 * characters) under a version. False when there is no such version. The
 * caller must wipe `out`.
 * Derivations are cached: this costs no hash on the request path.
 */
bool keyring_derive(const struct keyring *k, uint8_t version,
    const char *purpose, uint8_t out[32]);

/*
 * The same for code that opens: nth 0 is the current key, 1 and up are older
 * ones of the same version. False when there are no more.
 */
bool keyring_derive_nth(const struct keyring *k, uint8_t version, int nth,
    const char *purpose, uint8_t out[32]);

#endif
