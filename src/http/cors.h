#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "http/response.h"

/*
 * Cross-origin rules (row HT6). origins is the LIST of exact origins, or
 * "*": everybody, but then without credentials. No reflection of what is not
 * listed; "null" and a doubled Origin header are never allowed.
 */

/* Add the headers of an answer to r. */
void cors_headers(struct response *re, const struct request *r,
    const char *origins);

/*
 * Is r a preflight (OPTIONS, Origin, Access-Control-Request-Method)? Then re
 * is its answer: 204, with permissions where the origin has them.
 */
bool cors_preflight(struct response *re, const struct request *r,
    const char *origins);

#endif
