#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

#include <stddef.h>

#include "base/str.h"

/*
 * Find a cookie in one Cookie header, split on ';' and ',' (Apache and Caddy
 * join several headers with commas; RFC 6265 allows no comma in a value).
 * Blanks around the value and one pair of quotes are dropped. The number of
 * cookies of that name is added to *count; *value is the last one's.
 */
void cookie_find(struct str header, struct str name, size_t *count,
    struct str *value);

#endif
