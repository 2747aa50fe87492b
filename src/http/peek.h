#ifndef HTTP_PEEK_H
#define HTTP_PEEK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "base/str.h"

/* As much as libfcgi's first read takes. */
#define PEEK_BYTES 8192

/*
 * What the first bytes of a FastCGI request say, before anybody consumed
 * them. For scheduling, never for security: the request is parsed again.
 */
struct peek {
	bool refuse;	/* not FastCGI, or a management record: close */
	bool whole;	/* from BEGIN_REQUEST to the end of STDIN */
	struct str uri; /* REQUEST_URI, else SCRIPT_NAME PATH_INFO; borrowed */
	struct str method; /* STR_NONE: not seen */
	/* The bytes, PARAMS of several records laid together, a joined URI */
	char bytes[PEEK_BYTES];
	char scratch[PEEK_BYTES];
	char joined[LIMIT_PATH];
};

/*
 * Read n bytes at p (FastCGI 1.0, section 3.3 and 3.4). Any input is safe; a
 * request cut short fills in what can be known. out's space is not cleared.
 */
void peek_read(struct peek *out, const char *p, size_t n);

#endif
