#ifndef CRYPTO_PHC_H
#define CRYPTO_PHC_H

#include <stdint.h>

#include "base/arena.h"

/*
 * Stored password strings: what they are and what they cost, read strictly
 * before any work is done on them (row PW11).
 */
enum phc_kind {
	PHC_UNKNOWN,
	PHC_ARGON2ID,    /* $argon2id$v=19$m=,t=,p=$salt$hash */
	PHC_BCRYPT,      /* $2a$ $2b$ $2y$ */
	PHC_SHA512CRYPT, /* $6$ */
	PHC_SCRYPT_CRYPT, /* $7$, crypt(5) */
	PHC_SCRYPT,      /* $scrypt$ln=,r=,p=$salt$hash */
	PHC_PBKDF2       /* $pbkdf2-sha256$, $pbkdf2-sha512$, pbkdf2_sha256$ */
};

#define PHC_MAX 512 /* longest string we look at */
#define PHC_HASH_MAX 64 /* bytes of a hash */

struct phc {
	enum phc_kind kind;
	const char *text; /* the whole, NUL-terminated, in the arena */
	uint64_t memory_kib; /* argon2id m; scrypt: 128 N r */
	uint64_t rounds;  /* argon2id t, crypt cost or rounds, scrypt ln */
	uint32_t r, p;    /* scrypt; argon2id: p */
	int sha;          /* PBKDF2: 256 or 512 */
	struct str salt, hash; /* decoded; scrypt, PBKDF2, argon2id */
};

/* False when the string is of no known kind or not well formed. */
bool phc_parse(struct arena *a, struct str stored, struct phc *out);

/*
 * Is the work within the caps (bcrypt cost 14, 2 M iterations, 128 MiB)?
 * own_kib and own_time: Argon2id as configured here, which is always allowed.
 */
bool phc_affordable(const struct phc *phc, uint64_t own_kib,
    uint64_t own_time);

#endif
