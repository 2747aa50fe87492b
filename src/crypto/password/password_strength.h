#ifndef CRYPTO_PASSWORD_PASSWORD_STRENGTH_H
#define CRYPTO_PASSWORD_PASSWORD_STRENGTH_H

#include "base/arena.h"

/*
 * How many bits an attacker who knows people's habits must guess, by libzxcvbn
 * (row PW4). It tries the words of its lists, of password_words.def and the n
 * given here (the person's and the service's, which count for least), as they
 * are, backwards, with capitals or digits for letters, and dates, runs of the
 * keyboard and repetition. Only the first LIMIT_PASSWORD_RATED bytes are rated,
 * because the library's time grows faster than the length. Words are copied
 * into a; the password is not.
 */
double password_strength_bits(struct arena *a, struct str password,
    const struct str *words, size_t n);

/*
 * Do the documents of a client that Postern serves print it (row AP6)? Such
 * passwords are easier to guess than password.min_bits allows.
 */
bool password_strength_documented(struct str password);

/*
 * Use a file too, with one password a line. Searched by bisection when it is
 * sorted by byte (LC_ALL=C sort), else from the front. False, with errno,
 * when it cannot be read; then no file is used. path "": use none.
 */
bool password_blocklist_use(const char *path);
bool password_blocklist_has(struct str password);

#endif
