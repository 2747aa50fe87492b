#include "http/transport/fcgi_peek.h"

#include <stdint.h>

#include "base/text.h"

#define HEADER 8
enum { BEGIN_REQUEST = 1, ABORT_REQUEST, PARAMS = 4, STDIN, MANAGEMENT = 9 };
#define RESPONDER 1

static unsigned
byte_at(struct str s, size_t i)
{
	return (unsigned char)s.p[i];
}

/* A length of one or four bytes (section 3.4); *at moves behind it. */
static bool
read_length(struct str s, size_t *at, size_t *length)
{
	if (*at >= s.n)
		return false;
	*length = byte_at(s, *at);
	if (*length < 0x80) {
		*at += 1;
		return true;
	}
	if (s.n - *at < 4)
		return false;
	*length = (*length & 0x7f) << 24 | byte_at(s, *at + 1) << 16 |
	    byte_at(s, *at + 2) << 8 | byte_at(s, *at + 3);
	*at += 4;
	return true;
}

/* Next pair of the parameters; false at their end or where they are cut. */
static bool
read_pair(struct str s, size_t *at, struct str *name, struct str *value)
{
	size_t n, v;

	if (!read_length(s, at, &n) || !read_length(s, at, &v) ||
	    n > s.n - *at || v > s.n - *at - n)
		return false;
	*name = str_slice(s, *at, *at + n);
	*value = str_slice(s, *at + n, *at + n + v);
	*at += n + v;
	return true;
}

/* One record's header and content. */
struct record {
	unsigned type, id;
	struct str content;
	size_t size; /* with header and padding */
};

/* The record at *at; false when it is not all there. */
static bool
peek_record(struct str all, size_t at, struct record *r)
{
	size_t n;

	if (all.n - at < HEADER)
		return false;
	n = byte_at(all, at + 4) << 8 | byte_at(all, at + 5);
	*r = (struct record){
		.type = byte_at(all, at + 1),
		.id = byte_at(all, at + 2) << 8 | byte_at(all, at + 3),
		.content = str_slice(all, at + HEADER, at + HEADER + n),
		.size = HEADER + n + byte_at(all, at + 6),
	};
	return r->size <= all.n - at;
}

/* The PARAMS of all records, laid together where there are several. */
static struct str
join_params(const struct fcgi_peek *k, struct arena *a, struct str all)
{
	struct str params = STR_NONE;
	struct record r;
	char *p = NULL;
	size_t n = 0;

	for (size_t at = 0; at < k->at && peek_record(all, at, &r);
	    at += r.size) {
		if (r.type != PARAMS || r.content.n == 0)
			continue;
		if (r.content.n == k->params)
			return r.content;
		if (p == NULL)
			p = arena_alloc(a, k->params);
		memcpy(p + n, r.content.p, r.content.n);
		n += r.content.n;
		params = (struct str){ p, n };
	}
	return params;
}

/* A number above the limit, however long: no body of it will be read. */
static bool
is_too_long(struct str length)
{
	long long n;

	return length.n && text_digits(length) &&
	    !str_to_int(length, 0, LIMIT_BODY_JSON, &n);
}

/* Of a name that is sent twice the first counts, as for the request. */
static void
read_head(struct fcgi_peek *k, struct str params)
{
	enum { URI, METHOD, SCRIPT, OVERRIDE, LENGTH, WANTED };
	static const struct str names[WANTED] = {
		[URI] = { "REQUEST_URI", 11 },
		[METHOD] = { "REQUEST_METHOD", 14 },
		[SCRIPT] = { "SCRIPT_NAME", 11 },
		[OVERRIDE] = { "HTTP_X_HTTP_METHOD_OVERRIDE", 27 },
		[LENGTH] = { "CONTENT_LENGTH", 14 },
	};
	struct str found[WANTED] = { STR_NONE }, name, value;
	size_t at = 0;

	while (read_pair(params, &at, &name, &value))
		for (int i = 0; i < WANTED; i++)
			if (found[i].p == NULL && str_eq(name, names[i]))
				found[i] = value;
	k->method = found[METHOD];
	k->override = found[OVERRIDE];
	k->uri = found[URI];
	k->script = found[SCRIPT];
	k->enough |= is_too_long(found[LENGTH]);
}

/*
 * libfcgi answers GET_VALUES into 64 bytes of stack without looking at their
 * end, and waits for bytes nobody owes it. Records of another request it skips:
 * what they seem to say or to end here, they do not there.
 */
static bool
is_foreign(struct str all, size_t at)
{
	unsigned type = byte_at(all, at + 1);

	return byte_at(all, at) != 1 || type >= MANAGEMENT ||
	    (byte_at(all, at + 2) | byte_at(all, at + 3)) == 0 ||
	    !str_eq(str_slice(all, at + 2, at + 4), str_slice(all, 2, 4)) ||
	    (at == 0) != (type == BEGIN_REQUEST);
}

static void
take_record(struct fcgi_peek *k, const struct record *r)
{
	if (r->type == BEGIN_REQUEST && r->content.n >= 2)
		k->role = byte_at(r->content, 0) << 8 | byte_at(r->content, 1);
	if (r->type == PARAMS) {
		k->params += r->content.n;
		k->head |= r->content.n == 0;
	}
	if (r->type == STDIN) {
		k->body += r->content.n;
		k->whole |= r->content.n == 0;
	}
	k->enough |= r->type == ABORT_REQUEST || k->whole ||
	    k->body > LIMIT_BODY_JSON;
}

void
fcgi_peek_read(struct fcgi_peek *k, struct arena *a, struct str all)
{
	bool had = k->head;
	struct record r;

	k->n = all.n;
	while (!k->whole && all.n - k->at >= HEADER) {
		k->refuse = is_foreign(all, k->at);
		if (k->refuse || !peek_record(all, k->at, &r))
			break;
		k->refuse = k->head && r.type == PARAMS;
		if (k->refuse)
			break;
		take_record(k, &r);
		k->at += r.size;
	}
	if (k->head && (!had || k->enough)) {
		k->enough |= k->role != RESPONDER;
		read_head(k, join_params(k, a, all));
	}
	k->ready = k->head && k->enough;
}
