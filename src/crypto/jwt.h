#ifndef CRYPTO_JWT_H
#define CRYPTO_JWT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/*
 * Compact JWS access tokens (RFC 7519, 8725, 9068; rows JW1 to JW8). The
 * algorithm comes from our key record, never from the token.
 */
enum jwt_alg { JWT_HS256 = 1, JWT_EDDSA };

struct jwt_key {
	char kid[32];
	enum jwt_alg alg;
	uint8_t secret[64];  /* HS256: key bytes (longer: see hs), EdDSA: sk */
	const uint8_t *hs;   /* HS256: the configured secret itself */
	size_t hs_len;
	uint8_t public_key[32];
	bool signs;          /* at most one key signs */
	int64_t not_after;   /* wall µs; 0: none. Verifies until then */
};

#define JWT_KEYS 16
struct jwt_keys {
	struct jwt_key key[JWT_KEYS];
	size_t n;
};

struct jwt_claims {
	struct str iss, aud, sub, sid, jti;
	int64_t iat, exp; /* seconds */
};

/* Header {"alg","typ":"at+jwt","kid"} and exactly these claims, signed. */
struct str jwt_sign(struct arena *a, const struct jwt_keys *keys,
    const struct jwt_claims *c);

struct jwt_check {
	const char *iss;
	const char *aud;
	int64_t now;     /* seconds */
	int64_t max_ttl; /* exp further away is refused (JW7), seconds */
};

/*
 * Signature first, then strict JSON, then every claim (typ, iss, aud, exp,
 * iat, sub, jti, sid). E_TOKEN_INVALID for whatever is wrong. Claims live
 * in a. Skew 60 s for iat only.
 */
enum err jwt_verify(struct arena *a, const struct jwt_keys *keys,
    const struct jwt_check *check, struct str token, struct jwt_claims *out);

/* JWKS document (RFC 7517, 8037) of the public keys; HS256 keys never. */
struct str jwt_jwks(struct arena *a, const struct jwt_keys *keys);

/* New Ed25519 pair with a kid made of its public part. */
void jwt_key_generate(struct jwt_key *out);
/* kid of an HS256 secret: "hs-" and 16 hex of a hash of it under a label. */
void jwt_kid_hs256(struct jwt_key *key);

#endif
