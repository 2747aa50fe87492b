#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "base/err.h"
#include "http/request.h"

#define RESPONSE_HEADERS 32

/* A constant name and a value without CR, LF and NUL. */
struct header {
	const char *name;
	struct str value;
};

/*
 * The next piece of a body that is made while it is sent, valid until the next
 * call; empty at the end.
 */
typedef enum err response_piece(void *obj, struct str *piece);

/* One answer, built once with canonical names. */
struct response {
	int status;
	const char *message;	 /* envelope "message" */
	enum err err;		 /* E_OK, or the error envelope */
	cJSON *data;		 /* envelope "data"; NULL: none */
	struct str printed;	 /* data by dialect_write_data(), if not none */
	cJSON *errors;		 /* array of {field, message} */
	struct page *page;	 /* envelope "pagination", or NULL */
	bool bare;		 /* data is the whole body, no envelope */
	struct str raw;		 /* not JSON: the body itself */
	const char *content_type; /* of raw */
	response_piece *more;	 /* what follows raw, or NULL */
	void *more_of;
	struct header headers[RESPONSE_HEADERS];
	size_t nheaders, header_bytes;
	size_t given; /* of nheaders: what response_render() found there */
};

struct page {
	long page;
	long limit;
	long long total;
};

/*
 * Add a header; name is a constant, a value with CR, LF or NUL is dropped
 * and logged. At most RESPONSE_HEADERS, and 4 KB in sum (ecosystem rule 9).
 */
void response_header(struct response *re, const char *name, struct str value);

/* Make re the error e, without data; sentence, if not NULL, is its message. */
void response_error(struct response *re, enum err e, const char *sentence);

/* Add {field, message} to errors. */
void response_field_error(struct response *re, const char *field,
    const char *message);

/*
 * The body bytes, in envelope and dialect (http/dialect.c); empty for 204 and
 * 304; for HEAD the caller drops them. These headers are added unless they are
 * set already: Content-Type, X-Request-Id, those of row HT3, and what the
 * status demands: WWW-Authenticate (401), Allow (405), Retry-After (429,
 * 503; not 423, where only who locked knows whether waiting helps). Call once.
 */
struct str response_render(struct response *re, const struct request *r);

#endif
