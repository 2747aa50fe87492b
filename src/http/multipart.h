#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "base/arena.h"
#include "base/err.h"

#define MULTIPART_PARTS 4
#define MULTIPART_HEADERS 8192 /* bytes of one part's headers */

/* One part of multipart/form-data (RFC 7578). data points into the body. */
struct part {
	struct str name;
	struct str filename;	 /* STR_NONE: not a file; never a path to use */
	struct str content_type; /* as sent; STR_NONE when absent */
	struct str data;
};

/*
 * Read a body of multipart/form-data into parts, which has room for
 * MULTIPART_PARTS. content_type is the request's; its boundary has 1 to 70
 * characters of RFC 2046, 5.1.1. Strict: CRLF line ends, exactly one
 * Content-Disposition: form-data with a name in each part, no name twice, no
 * transfer encoding but 7bit, 8bit and binary, a closing delimiter; at most
 * MULTIPART_PARTS parts. A preamble and an epilogue are allowed and skipped.
 * E_MEDIA_TYPE for another type, E_TOO_LARGE past the limits, E_BAD_REQUEST.
 */
enum err multipart_parse(struct arena *a, struct str content_type,
    struct str body, struct part *parts, size_t *n);

/* The part of that name, or NULL. */
const struct part *multipart_find(const struct part *parts, size_t n,
    const char *name);

#endif
