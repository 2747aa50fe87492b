#ifndef CRYPTO_JWT_JWT_H
#define CRYPTO_JWT_JWT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "crypto/hmac.h"

/*
 * Compact JWS access tokens (RFC 7519, 8725, 9068; rows JW1 to JW8). The
 * algorithm comes from our key record, never from the token.
 */
enum jwt_alg { JWT_HS256 = 1, JWT_EDDSA };

struct jwt_key {
	char kid[32];
	enum jwt_alg alg;
	bool signs;         /* at most one key signs */
	int64_t not_after;  /* wall µs; 0: none. Verifies until then */
	uint8_t secret[64]; /* EdDSA: secret key, all zero: verifies only */
	uint8_t public_key[32];
	struct hmac mac;    /* HS256: jwt_key_hs256 */
	char head[128];     /* encoded header of our own tokens */
	size_t head_len;
};

#define JWT_KEYS 16
struct jwt_keys {
	struct jwt_key key[JWT_KEYS];
	size_t n;
};

struct jwt_claims {
	struct str iss, aud, sub, sid, jti;
	int64_t iat, exp; /* seconds */
	int64_t until;	  /* filled by jwt_verify: exp, or the key's end */
};

/*
 * A token with the header {"alg","typ":"at+jwt","kid"} and exactly these
 * claims, signed with the signing key; STR_NONE when there is none. iss and aud
 * are escaped; the other claims must hold no control characters, quotes or
 * backslashes.
 */
struct str jwt_sign(struct arena *a, const struct jwt_keys *keys,
    const struct jwt_claims *c);

struct jwt_check {
	const char *iss;
	const char *aud;
	int64_t now;     /* seconds */
	int64_t max_ttl; /* a later exp is refused (JW7), seconds */
};

/*
 * Checks the signature first, then strict JSON, then every claim (typ, iss,
 * aud, exp, iat, sub, jti, sid; nbf when present). E_TOKEN_INVALID for any
 * fault. Claims live in a. Skew 60 s for iat and nbf, none for exp. A token
 * without kid is taken only when there is exactly one HS256 key.
 */
enum err jwt_verify(struct arena *a, const struct jwt_keys *keys,
    const struct jwt_check *check, struct str token, struct jwt_claims *out);

/*
 * Does a well-formed token name a kid that we do not have? Then another process
 * may have rotated the keys. False says nothing about the token.
 */
bool jwt_kid_unknown(struct arena *a, const struct jwt_keys *keys,
    struct str token);

/*
 * b64url_decode() for payload and signature, which the sender knows and every
 * request decodes: libsodium's constant-time decoder takes 1 µs, this one 0.2.
 * Not for secrets.
 */
bool jwt_decode(struct arena *a, struct str text, struct str *out);

/* JWKS document (RFC 7517, 8037) of the public keys, never of HS256 keys. */
struct str jwt_jwks(struct arena *a, const struct jwt_keys *keys);

/*
 * Every key comes from one of these three. They set all fields; signs is
 * false and not_after 0 until the caller changes them.
 */
/* New Ed25519 pair; kid: "ed-" and 16 hex of its RFC 7638 thumbprint. */
void jwt_key_generate(struct jwt_key *out);
/* A stored pair: secret has 64 bytes (libsodium: seed ‖ public). */
bool jwt_key_eddsa(struct jwt_key *out, struct str kid, struct str secret);
/*
 * An HS256 secret, used as it is so that other services can verify.
 * kid: "hs-" and 16 hex of a hash keyed with the secret.
 */
void jwt_key_hs256(struct jwt_key *out, struct str secret);
/* "HS256" or "EdDSA". */
const char *jwt_key_alg(const struct jwt_key *key);

#endif
