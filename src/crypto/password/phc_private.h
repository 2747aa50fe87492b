#ifndef CRYPTO_PASSWORD_PHC_PRIVATE_H
#define CRYPTO_PASSWORD_PHC_PRIVATE_H

#include "crypto/password/phc.h"

/* What the readers of stored strings share; for phc.c and phc_crypt.c alone. */

/* Take head off the front of s; false when it does not begin with it. */
bool phc_eat(struct str *s, struct str head);

/* A decimal number without a leading zero, and the byte behind it. */
bool phc_eat_number(struct str *s, char after, uint64_t *out);

/* 128 N r in KiB; what is too large stands as the largest number. */
uint64_t phc_scrypt_kib(uint64_t ln, uint32_t r);

/*
 * The kinds of crypt(5), as they are or under the name of another program. s
 * ends in a NUL; out->crypt points into it.
 */
bool phc_parse_crypt(struct str s, struct phc *out);

#endif
