#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/arena.h"

/* HMAC-SHA-256 (RFC 2104) of text, 32 bytes; a key of any length. */
struct str hmac_sha256(struct arena *a, struct str key, struct str text);

#endif
