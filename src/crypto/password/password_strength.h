#ifndef CRYPTO_PASSWORD_PASSWORD_STRENGTH_H
#define CRYPTO_PASSWORD_PASSWORD_STRENGTH_H

#include "base/arena.h"

/*
 * How many bits a guesser who knows the habits of people needs for a password,
 * by libzxcvbn (row PW4): words of its lists, of password_words.def and of the
 * n
 * given here (the person's and the service's, which count for least), as they
 * are, backwards, with capitals, digits for letters, dates, runs of the
 * keyboard and repetition. Only the first LIMIT_PASSWORD_RATED bytes are
 * looked at, because the library's time grows faster than the length. Words
 * are copied into a; the password is not.
 */
double password_strength_bits(struct arena *a, struct str password,
    const struct str *words, size_t n);

/*
 * Is it printed in the documents of a client that Postern serves (row AP6)?
 * Those are easier to guess than password.min_bits asks for.
 */
bool password_strength_documented(struct str password);

/*
 * Use a file of one password a line besides. Looked up by halves when it is
 * sorted by byte (LC_ALL=C sort), else from the front. False, with errno,
 * when it cannot be read; then there is none. path "" gives the file up.
 */
bool password_blocklist_use(const char *path);
bool password_blocklist_has(struct str password);

#endif
