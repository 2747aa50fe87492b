#ifndef CRYPTO_PASSWORD_PASSWORD_H
#define CRYPTO_PASSWORD_PASSWORD_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"

/*
 * Password hashing (rows PW2, PW6, PW9, PW10, PW11). The stored string tells
 * the algorithm: $argon2id$ and $argon2i$ (libsodium); $2a/2b/2y$ bcrypt,
 * Django's bcrypt_sha256$ and WordPress's $wp$2y$ over it, $6$ $5$ $1$, $7$
 * scrypt, $y$ and $gy$ yescrypt (libxcrypt); $scrypt$, $pbkdf2-sha256$,
 * $pbkdf2-sha512$, Django's pbkdf2_sha256$ and pbkdf2_sha1$ (OpenSSL); $P$ and
 * $H$ phpass. An outdated string is replaced at the first login.
 *
 * A password is hashed and compared as RFC 8265 says (OpaqueString: NFC, one
 * kind of space); a string made from another form still matches a password
 * typed in that form, and is outdated.
 *
 * bcrypt cuts a password at 72 bytes. So with password.hash bcrypt a longer
 * password is hashed with Argon2id, and a longer one never matches a $2b$
 * string, which is ours (row PW2). Imported strings are $2a$ or $2y$: their
 * program cut the password, so we compare it cut, and then hash it whole.
 */

/*
 * Read parameters and open <runtime_dir>/hash.lock; once per process, again
 * after a change of settings. E_INTERNAL, logged, when the parameters are
 * below the floor (19456 KiB and 2 passes; 8192 KiB and 1 pass where
 * service.environment is development) or too high; E_UNAVAILABLE without a
 * lock file.
 */
enum err password_init(const struct config *c);

/*
 * Hash with today's algorithm and parameters. Takes one of the host's hash
 * slots (as many as cores); E_BUSY when none came free in LIMIT_HASH_WAIT_MS.
 * E_VALIDATION past LIMIT_PASSWORD_BYTES or with a NUL.
 */
enum err password_hash(struct arena *a, struct str password, struct str *out);

/*
 * Compare. E_OK: right. E_CREDENTIALS: wrong, or the string is of unknown kind
 * or past the caps. E_BUSY: as above. E_UNAVAILABLE (also from password_hash):
 * it could not be computed for want of memory or lock file. When stored has n 0
 * or cannot match, does the work of a current hash (row LG1), then answers
 * E_CREDENTIALS. *outdated (may be NULL): right, but must be hashed anew.
 */
enum err password_verify(struct arena *a, struct str password,
    struct str stored, bool *outdated);

/*
 * Leave a core to cheap requests, where there is more than one: while *at,
 * monotonic µs of the last of them, is not older than 20 ms, hashes take one
 * slot less. at must stay valid; NULL (initially): hashes take all slots.
 */
void password_yield_to(const _Atomic int64_t *at);

/*
 * Names the owner of this request, which may hash: the user, or the owner of
 * the API key. At most half of the slots, but at least one, hash for one owner
 * at once; further password_hash and password_verify are E_BUSY immediately.
 * STR_NONE: no owner, and the end of the request.
 */
void password_share(struct str who);

/* Is the queue for hashing full? Then password_hash would answer E_BUSY. */
bool password_busy(void);

/* What can be done with a password string from elsewhere. */
enum password_import {
	PASSWORD_TAKEN,	    /* *stored is to be kept */
	PASSWORD_NONE,	    /* states that there is no password: "", !, * */
	PASSWORD_UNKNOWN,   /* of no kind we know */
	PASSWORD_MALFORMED, /* of a known kind, but not well formed */
	PASSWORD_COSTLY	    /* past the caps (row PW11) */
};
enum password_import password_import(struct arena *a, struct str given,
    struct str *stored);

/* Free the hashing memory; called when a heavy worker is idle. */
void password_idle(void);

/*
 * The policy (rows PW1, PW4): NULL when password is acceptable, else a
 * sentence. context: words it may not be (user name, e-mail, service name).
 */
const char *password_policy(const struct config *c, struct str password,
    const struct str *context, size_t ncontext);

#endif
