#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/keyring.h"

/*
 * Secrets at rest (rows TO8, CF5): version byte ‖ 24-byte nonce ‖
 * XChaCha20-Poly1305 ciphertext. bound is the associated data that ties the
 * bytes to their row, for example "jobs/payload/<id>".
 */
struct str seal(struct arena *a, const struct keyring *k, struct str bound,
    struct str plain);

/* E_INTERNAL when the bytes, the binding or the key version do not match. */
enum err unseal(struct arena *a, const struct keyring *k, struct str bound,
    struct str sealed, struct str *plain);

#endif
