#include "grpc/h2/h2_stream.h"

#include <stdlib.h>

#include "base/limits.h"

#define OVERHEAD 32 /* of a header, as RFC 9113 6.5.2 counts */

static void
add_text(struct h2_bytes *b, struct str s)
{
	h2_bytes_add(b, s.p, s.n);
	h2_bytes_add(b, "", 1);
}

static struct str
text_at(const struct h2_bytes *b, size_t *at)
{
	struct str s = str_of(b->p + *at);

	*at += s.n + 1;
	return s;
}

bool
h2_stream_next(const struct h2_bytes *block, size_t *at, struct str *name,
    struct str *value)
{
	if (*at >= block->n)
		return false;
	*name = text_at(block, at);
	*value = text_at(block, at);
	return true;
}

void
h2_stream_take_header(struct h2_stream *st, struct str name,
    struct str value)
{
	size_t sum = st->head.n + st->nheaders * OVERHEAD + name.n + value.n;

	/* nghttp2 refuses a NUL in either; this is for who relies on it. */
	if (sum > LIMIT_GRPC_METADATA || str_has_nul(name) ||
	    str_has_nul(value)) {
		st->headers_large = true;
		return;
	}
	add_text(&st->head, name);
	add_text(&st->head, value);
	st->nheaders++;
}

struct param *
h2_stream_headers(const struct h2_stream *st, struct arena *a, size_t *n)
{
	struct param *all = arena_array(a, st->nheaders + 1, sizeof(*all));
	size_t at = 0;

	*n = 0;
	while (h2_stream_next(&st->head, &at, &all[*n].name, &all[*n].value))
		(*n)++;
	return all;
}

struct str
h2_stream_header(const struct h2_stream *st, struct str name)
{
	struct str have, value;
	size_t at = 0;

	while (h2_stream_next(&st->head, &at, &have, &value))
		if (str_eq(have, name))
			return value;
	return STR_NONE;
}

bool
h2_stream_ready(const struct h2_stream *st)
{
	if (st->finished)
		return false;
	return st->ended || st->refused || st->headers_large ||
	    st->body_large || (st->streaming && st->fresh);
}

void
h2_stream_send(struct h2_stream *st, struct str bytes)
{
	h2_bytes_add(&st->out, bytes.p, bytes.n);
}

void
h2_stream_trailer(struct h2_stream *st, struct str name, struct str value)
{
	add_text(&st->tail, name);
	add_text(&st->tail, value);
}

void
h2_stream_finish(struct h2_stream *st)
{
	st->finished = true;
}

void
h2_stream_free(struct h2_stream *st)
{
	h2_bytes_free(&st->head);
	h2_bytes_free(&st->in);
	h2_bytes_free(&st->out);
	h2_bytes_free(&st->tail);
	free(st);
}
