#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

#include "http/request.h"

/*
 * Value of a cookie in one Cookie header, split on ';' and ',' (Apache and
 * Caddy join several headers with commas; RFC 6265 allows none in values).
 * Surrounding blanks and one pair of quotes are dropped. How often the name
 * occurs is added to *count; *value is the last one.
 */
void cookie_find(struct str header, struct str name, size_t *count,
    struct str *value);

#endif
