#ifndef HTTP_SPELLING_H
#define HTTP_SPELLING_H

#include "base/arena.h"

/*
 * A gap is what people and programs write around a value without meaning it:
 * white space (Unicode's too: a mail in HTML has NBSP) and invisible
 * characters.
 */

/* s without gaps at both ends; it points into the s given. */
struct str spelling_trim(struct str s);

/* A copy of s without any gaps and hyphens: "123 456" is 123456. */
struct str spelling_code(struct arena *a, struct str s);

#endif
