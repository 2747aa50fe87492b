#ifndef GRPC_H2_H2_STREAM_H
#define GRPC_H2_H2_STREAM_H

#include <stdint.h>

#include "grpc/h2/h2_bytes.h"
#include "http/request.h"

/* One stream: a call on its way in, and its answer on its way out. */
struct h2_stream {
	/* the session's (h2_session.c) */
	struct h2_stream *next;
	int32_t id;
	struct h2_bytes head; /* names and values, each with its NUL */
	struct h2_bytes out, tail;
	size_t nheaders, sent;
	bool opened;	/* its block of headers is whole */
	bool submitted; /* the answer's headers are */
	bool reset;	/* it was given up */
	/* for who serves it */
	struct h2_bytes in; /* of DATA, up to the bound */
	bool ended;	/* the peer sends no more */
	bool fresh;	/* something came since it was served last */
	bool headers_large, body_large; /* past the bounds: it is cut there */
	/* set by who serves it */
	bool streaming; /* serve it whenever there is something new */
	bool refused;	/* serve it at once: nothing need come any more */
	bool finished;	/* its answer is whole */
	int http_status;
	int64_t until;	/* monotonic µs: its deadline */
};

/* Each header; a is where the list is. *n is their number. */
struct param *h2_stream_headers(const struct h2_stream *st, struct arena *a,
    size_t *n);

/* The first header of that name, or STR_NONE. */
struct str h2_stream_header(const struct h2_stream *st, struct str name);

/* May it be served now? */
bool h2_stream_ready(const struct h2_stream *st);

/* Append bytes to the answer. */
void h2_stream_send(struct h2_stream *st, struct str bytes);

/* A trailer; the answer is whole after the last one. */
void h2_stream_trailer(struct h2_stream *st, struct str name,
    struct str value);
void h2_stream_finish(struct h2_stream *st);

/* For the session: add a received header within the bound. */
void h2_stream_take_header(struct h2_stream *st, struct str name,
    struct str value);

/* For the session: names and values of a block. */
bool h2_stream_next(const struct h2_bytes *block, size_t *at,
    struct str *name, struct str *value);

void h2_stream_free(struct h2_stream *st);

#endif
