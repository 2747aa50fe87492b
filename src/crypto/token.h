#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "crypto/keyring.h"

/*
 * Derived tokens (rows RT3, PR2): prefix ‖ base64url(version ‖ id ‖
 * generation ‖ HMAC-SHA-256(key of the purpose, purpose ‖ version ‖ id ‖
 * generation)). Nothing of the token is stored; a forged one is refused
 * without a look-up. The purpose is in the prefix, the key and the MAC input,
 * so a token for one purpose is refused for any other.
 */
enum token_purpose {
	TOKEN_REFRESH, /* prt_ */
	TOKEN_RESET,   /* pwr_ */
	TOKEN_CHALLENGE, /* plc_ */
	TOKEN_DEVICE,  /* pdt_ */
	TOKEN_EMAIL,   /* pem_ */
	TOKEN_UNDO,    /* pun_ */
	TOKEN_RECOVERY, /* prc_ */
	TOKEN_VERIFY,  /* pvt_ */
	TOKEN_PURPOSES
};

struct str token_make(struct arena *a, const struct keyring *k,
    enum token_purpose purpose, struct uuid id, uint32_t generation);

/* Has it the prefix of the purpose? Nothing else is looked at. */
bool token_is(enum token_purpose purpose, struct str token);

/* False: malformed, of another purpose, or with a wrong MAC. */
bool token_open(struct arena *a, const struct keyring *k,
    enum token_purpose purpose, struct str token, struct uuid *id,
    uint32_t *generation);

/* n uniform decimal digits (row OT1: rejection sampling), n <= 9. */
struct str token_digits(struct arena *a, int n);

/* HMAC-SHA-256 of a code under the key "otp": id ‖ purpose ‖ code (OT2). */
struct str token_code_mac(struct arena *a, const struct keyring *k,
    struct str id, const char *purpose, struct str code);

/* SHA-256, 32 bytes: for high-entropy secrets at rest. */
struct str token_hash(struct arena *a, struct str secret);

/*
 * API key: prefix ‖ 12 base62 id ‖ '_' ‖ base62 secret of at least `bytes`
 * random bytes ‖ '_' ‖ 6 base62 CRC-32 of all before (row AK1).
 */
struct str token_api_key(struct arena *a, const char *prefix, int bytes);
/* The same, but with a given id: rotation keeps the id (row AK7). */
struct str token_api_key_with_id(struct arena *a, const char *prefix,
    struct str id, int bytes);
/* Are shape and checksum right? *id receives the 12-character id. */
bool token_api_key_check(const char *prefix, struct str key, struct str *id);

#endif
