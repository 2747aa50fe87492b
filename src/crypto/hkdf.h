#ifndef CRYPTO_HKDF_H
#define CRYPTO_HKDF_H

#include <stdint.h>

#include "base/str.h"

/* Output is at most 255 blocks of SHA-256 (RFC 5869, 2.3). */
#define HKDF_MAX (255 * 32)

/*
 * HKDF-SHA-256 (RFC 5869): derive n bytes, at most HKDF_MAX, from key under
 * salt and info, which may be empty. The caller must wipe `out`.
 */
void hkdf_sha256(struct str key, struct str salt, struct str info,
    uint8_t *out, size_t n);

#endif
