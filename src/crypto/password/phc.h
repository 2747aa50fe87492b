#ifndef CRYPTO_PASSWORD_PHC_H
#define CRYPTO_PASSWORD_PHC_H

#include <stdint.h>

#include "base/arena.h"

/*
 * Stored password strings: their kind and their cost, read strictly before any
 * work is spent on them (row PW11).
 */
enum phc_kind {
	PHC_UNKNOWN,
	PHC_ARGON2ID,    /* $argon2id$v=19$m=,t=,p=$salt$hash */
	PHC_ARGON2I,     /* $argon2i$, the same */
	PHC_BCRYPT,      /* $2a$ $2b$ $2y$, and see below */
	PHC_SHACRYPT,    /* $6$ $5$ $1$ */
	PHC_SCRYPT_CRYPT, /* $7$ $y$ $gy$, crypt(5) */
	PHC_PHPASS,      /* $P$ $H$ */
	PHC_SCRYPT,      /* $scrypt$ln=,r=,p=$salt$hash */
	PHC_PBKDF2       /* $pbkdf2-sha256$, $pbkdf2-sha512$, pbkdf2_sha256$,
			  * pbkdf2_sha1$ */
};

/* The input that bcrypt got in place of the password. */
enum phc_over {
	PHC_OVER_NOTHING,
	PHC_OVER_SHA256_HEX, /* bcrypt_sha256$, Django */
	PHC_OVER_WORDPRESS   /* $wp$2y$, WordPress 6.8 */
};

#define PHC_MAX 512 /* longest string we read */
#define PHC_HASH_MAX 64 /* bytes of a hash */

struct phc {
	enum phc_kind kind;
	enum phc_over over;
	bool malformed; /* of a known kind, but not well formed */
	bool foreign; /* bcrypt of another program, which cuts at 72 bytes */
	const char *text; /* the whole string and a NUL, in the arena */
	const char *crypt; /* the part of text that crypt(3) reads */
	uint64_t memory_kib; /* argon2 m; scrypt: 128 N r */
	uint64_t rounds;  /* argon2 t, crypt cost or rounds, scrypt ln */
	uint32_t r, p;    /* scrypt; argon2: p */
	int sha;          /* PBKDF2: 256, 512 or 1 */
	struct str salt, hash; /* decoded; phpass: as written */
};

/* False when the string is of unknown kind or not well formed. */
bool phc_parse(struct arena *a, struct str stored, struct phc *out);

/* Allowed: always Argon2id as configured here; kib of memory for the rest. */
struct phc_caps {
	uint64_t own_kib, own_time;
	uint64_t kib;
};

/*
 * Is the work within the caps: bcrypt cost 14, 2 M iterations, 2^18 of phpass,
 * and kib of memory, with four passes over it at most?
 */
bool phc_affordable(const struct phc *phc, const struct phc_caps *caps);

#endif
