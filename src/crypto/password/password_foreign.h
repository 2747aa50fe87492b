#ifndef CRYPTO_PASSWORD_PASSWORD_FOREIGN_H
#define CRYPTO_PASSWORD_PASSWORD_FOREIGN_H

#include "crypto/password/phc.h"

/* How other programs hash, in ways that none of our libraries has. */
#define PASSWORD_FOREIGN_INPUT 65 /* 64 characters and a NUL */
#define PASSWORD_FOREIGN_PHPASS 22 /* characters, no NUL */

/*
 * The input of bcrypt in place of the password: the hex of its SHA-256, or the
 * base64 of its HMAC-SHA-384 under "wp-sha384". False: it cannot be computed.
 */
bool password_foreign_input(enum phc_over over, struct str password,
    char out[PASSWORD_FOREIGN_INPUT]);

/* The portable hash of phpass (Openwall): MD5 again and again. */
bool password_foreign_phpass(const struct phc *phc, struct str password,
    char out[PASSWORD_FOREIGN_PHPASS]);

#endif
