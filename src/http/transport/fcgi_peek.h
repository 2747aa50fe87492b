#ifndef HTTP_TRANSPORT_FCGI_PEEK_H
#define HTTP_TRANSPORT_FCGI_PEEK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/limits.h"

/* As much as libfcgi's first read takes. */
#define FCGI_PEEK_BYTES 8192

/*
 * How far the bytes of a FastCGI request have come, before anybody parsed it.
 * For scheduling, never for security: the request is parsed again.
 */
struct fcgi_peek {
	size_t n;      /* bytes looked at */
	size_t at;     /* where the next record begins */
	size_t params; /* bytes of PARAMS */
	size_t body;   /* bytes of STDIN */
	unsigned role;
	bool refuse;   /* not FastCGI, or not of this one request: close */
	bool head;     /* all PARAMS are there */
	bool whole;    /* from BEGIN_REQUEST to the end of STDIN */
	bool enough;   /* of its body: all, or no more will be read */
	bool ready;    /* head and enough: to be served */
	/* Once it is ready: of all, or the arena's; STR_NONE: not sent. */
	struct str method, override, uri, script, length;
};

/*
 * Look at what is there of a request: all its bytes so far, of which the
 * earlier ones were there at the call before. *k is { 0 } at first. Any input
 * is safe, and all calls together take time linear in the bytes (FastCGI 1.0,
 * sections 3.3 and 3.4). Ready are, with all their PARAMS, also a body that is
 * too large by its length or by what came of it, another role than Responder,
 * and a request that is given up.
 */
void fcgi_peek_read(struct fcgi_peek *k, struct arena *a, struct str all);

/*
 * Find the strings above in the pairs of PARAMS, and whether a body is too
 * large by its length (then enough is set). Of a name that is sent twice the
 * first counts, as for the request. Pairs that do not fit are refused.
 */
void fcgi_peek_params(struct fcgi_peek *k, struct str params);

/* Is its length said, and above most? */
bool fcgi_peek_too_long(const struct fcgi_peek *k, size_t most);

/* A request that fcgi_peek_read() calls ready, or that will never be. */
struct fcgi_request {
	int conn;   /* who asked */
	int bytes;  /* a file that holds what was read of it; -1: nothing was */
	bool whole;
	bool last;  /* bytes were read behind it: no other can follow */
};

#endif
