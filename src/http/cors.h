#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "http/response.h"

/*
 * Cross-origin rules (row HT6). origins is the LIST of exact origins, or
 * "*": every origin, but without credentials. An origin that is not listed is
 * never sent back; "null" and a doubled Origin header are never allowed.
 */

/* Add the headers of an answer to r. */
void cors_headers(struct response *re, const struct request *r,
    const char *origins);

/*
 * Is r a preflight (OPTIONS, Origin, Access-Control-Request-Method)? Then re
 * becomes its answer: 204, which permits what the origin may do.
 */
bool cors_preflight(struct response *re, const struct request *r,
    const char *origins);

#endif
