#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "base/arena.h"
#include "base/err.h"
#include "http/request.h"

/*
 * Read a query's names and values, percent-decoded, '+' as a space.
 * E_BAD_REQUEST: more than LIMIT_QUERY bytes or LIMIT_QUERY_PAIRS pairs, a
 * bad escape, NUL, control characters, bytes that are no UTF-8, one name
 * twice (row HB7).
 */
enum err query_parse(struct arena *a, struct str query,
    const struct param **pairs, size_t *npairs);

#endif
