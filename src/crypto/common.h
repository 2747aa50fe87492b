#ifndef CRYPTO_COMMON_H
#define CRYPTO_COMMON_H

#include "base/str.h"

/*
 * Is password one of those everybody tries first (row PW4)? Words of
 * common_words.def, as they are or with capitals, digits for letters, up to
 * four digits and two signs around them, twice in a row; runs of the keyboard
 * and the alphabet; one thing repeated. Of at most 128 bytes; longer is not
 * common.
 */
bool common_password(struct str password);

/*
 * Is s, which stands beside a word, nothing worth guessing: at most two signs
 * and four digits, or runs? Letters are.
 */
bool common_beside(struct str s);

/*
 * Use a file of one password a line besides. Looked up by halves when it is
 * sorted by byte (LC_ALL=C sort), else from the front. False, with errno,
 * when it cannot be read; then there is none. path "" gives the file up.
 */
bool common_file(const char *path);
bool common_in_file(struct str password);

#endif
