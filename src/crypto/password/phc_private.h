#ifndef CRYPTO_PASSWORD_PHC_PRIVATE_H
#define CRYPTO_PASSWORD_PHC_PRIVATE_H

#include "crypto/password/phc.h"

/* Shared by the readers of stored strings, phc.c and phc_crypt.c, alone. */

/* Take head off the front of s; false when s does not begin with head. */
bool phc_eat(struct str *s, struct str head);

/* Take a decimal number without leading zero, and the byte after it. */
bool phc_eat_number(struct str *s, char after, uint64_t *out);

/* 128 N r in KiB; the largest number when that overflows. */
uint64_t phc_scrypt_kib(uint64_t ln, uint32_t r);

/*
 * The kinds of crypt(5), as they are or under another program's name. s ends in
 * a NUL; out->crypt points into s.
 */
bool phc_parse_crypt(struct str s, struct phc *out);

#endif
