#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"

/*
 * Password hashing (rows PW2, PW6, PW9, PW10, PW11). The stored string tells
 * the algorithm: $argon2id$ (libsodium), $2a/2b/2y$ bcrypt, $6$ sha512-crypt
 * (libxcrypt), $7$ or $scrypt$ scrypt, $pbkdf2-sha256$/$pbkdf2-sha512$ (OpenSSL).
 */

/* Read parameters and open <runtime_dir>/hash.lock; once per process. */
enum err password_init(const struct config *c);

/*
 * Hash with today's algorithm and parameters. Takes one of the host's hash
 * slots (as many as cores); E_BUSY when none came free in LIMIT_HASH_WAIT_MS.
 */
enum err password_hash(struct arena *a, struct str password, struct str *out);

/*
 * Compare. E_OK right, E_CREDENTIALS wrong or a string of unknown kind,
 * E_BUSY as above. stored of n 0: the same work against a dummy (row LG1),
 * then E_CREDENTIALS. *outdated: right, but to be hashed anew.
 */
enum err password_verify(struct arena *a, struct str password,
    struct str stored, bool *outdated);

/* May this string be imported? Kind known, costs within caps (row PW11). */
bool password_importable(struct str stored);

/* Give the hashing memory back; called when a heavy worker is idle. */
void password_idle(void);

/*
 * The policy (contract 3.6, row PW4): NULL when password is acceptable, else a
 * sentence. context: user name, e-mail and service name words it may not be.
 */
const char *password_policy(const struct config *c, struct str password,
    const struct str *context, size_t ncontext);

#endif
