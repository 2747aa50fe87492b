#ifndef CRYPTO_PASSWORD_PASSWORD_FOREIGN_H
#define CRYPTO_PASSWORD_PASSWORD_FOREIGN_H

#include "crypto/password/phc.h"

/* How other programs hash, where no library of ours does it. */
#define PASSWORD_FOREIGN_INPUT 65 /* 64 characters and a NUL */
#define PASSWORD_FOREIGN_PHPASS 22 /* characters, no NUL */

/*
 * What bcrypt is given instead of the password: the hex of its SHA-256, or the
 * base64 of its HMAC-SHA-384 under "wp-sha384". False: it cannot be computed.
 */
bool password_foreign_input(enum phc_over over, struct str password,
    char out[PASSWORD_FOREIGN_INPUT]);

/* The portable hash of phpass (Openwall), over and over MD5. */
bool password_foreign_phpass(const struct phc *phc, struct str password,
    char out[PASSWORD_FOREIGN_PHPASS]);

#endif
