#ifndef HTTP_SPELLING_H
#define HTTP_SPELLING_H

#include "base/arena.h"

/*
 * What people and programs write around a value, and what is not part of it:
 * white space (Unicode's too: a mail in HTML says NBSP) and characters that
 * nobody sees.
 */

/* s without it at both ends; borrowed. */
struct str spelling_trim(struct str s);

/* s without it anywhere, and without hyphens: "123 456" is 123456. */
struct str spelling_code(struct arena *a, struct str s);

#endif
