#ifndef HTTP_TRANSPORT_FCGI_RECORD_H
#define HTTP_TRANSPORT_FCGI_RECORD_H

#include "base/str.h"

/* The records of FastCGI 1.0: header, content, padding (section 3.3). */
enum fcgi_type {
	RECORD_BEGIN = 1, RECORD_ABORT, RECORD_END, RECORD_PARAMS,
	RECORD_STDIN, RECORD_STDOUT, RECORD_STDERR, RECORD_DATA,
	RECORD_GET_VALUES, RECORD_VALUES, RECORD_UNKNOWN
};

/* What a web server may ask for (section 5.1). */
enum { ROLE_RESPONDER = 1, ROLE_AUTHORIZER };

/* How a request ended (section 5.5). */
enum fcgi_end { END_COMPLETE, END_CANT_MPX, END_OVERLOADED, END_UNKNOWN_ROLE };

#define FCGI_HEADER 8
#define FCGI_CONTENT 65528u /* of one record of ours; divisible by eight */

struct fcgi_record {
	unsigned version, type, id;
	size_t length, padding;
};

/* The header that stands at p, FCGI_HEADER bytes; any input is safe. */
struct fcgi_record fcgi_record_read(const void *p);

/* Write the header of a record without padding; length is at most 65535. */
void fcgi_record_write(void *p, unsigned type, unsigned id, size_t length);

/* Write a whole END_REQUEST record. */
#define FCGI_END_SIZE (FCGI_HEADER + 8)
void fcgi_record_end(void *p, unsigned id, enum fcgi_end how);

/*
 * The next pair of PARAMS or GET_VALUES (section 3.4); *at moves behind it.
 * False at the end, or where a length says more than there is.
 */
bool fcgi_record_pair(struct str s, size_t *at, struct str *name,
    struct str *value);

/* Where in a sequence of records its bytes have come to; { 0 } at first. */
struct fcgi_scan {
	unsigned char head[FCGI_HEADER];
	size_t nhead, left;
	bool ended; /* END_REQUEST has passed, and nothing behind it */
};

/* Follow the sequence over more of its bytes. */
void fcgi_record_scan(struct fcgi_scan *s, struct str bytes);

#endif
