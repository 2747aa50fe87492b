#ifndef CRYPTO_PASSWORD_PASSWORD_MATCH_H
#define CRYPTO_PASSWORD_PASSWORD_MATCH_H

#include "base/err.h"
#include "crypto/password/phc.h"

/*
 * Does a password match a stored string? For password.c alone, which holds the
 * hash slot and knows the caps.
 */
#define PASSWORD_BCRYPT_MAX 72 /* bytes of a password that bcrypt looks at */

/*
 * Can password match, by its length and the string's kind? Our own bcrypt never
 * sees more than 72 bytes (row PW2). Other programs cut there, so theirs is
 * compared cut, once.
 */
bool password_match_possible(const struct phc *phc, struct str password);

/*
 * E_OK, E_CREDENTIALS, or E_UNAVAILABLE, logged, when it could not be
 * computed. password.p is not NULL.
 */
enum err password_match(struct arena *a, const struct phc *phc,
    struct str password);

/*
 * crypt(3) with its own buffer. False on failure, when crypt(3)'s answer begins
 * with '*'; both buffers of the library are wiped.
 */
bool password_match_crypt(struct arena *a, const char *password,
    const char *setting, struct str *out);

#endif
