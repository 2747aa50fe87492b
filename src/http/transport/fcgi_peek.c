#include "http/transport/fcgi_peek.h"

#include <stdint.h>

#include "base/text.h"
#include "http/transport/fcgi_record.h"

static unsigned
byte_at(struct str s, size_t i)
{
	return (unsigned char)s.p[i];
}

static size_t
size_of(const struct fcgi_record *r)
{
	return FCGI_HEADER + r->length + r->padding;
}

/* The record at `at` and its content; false when it is not all there. */
static bool
peek_record(struct str all, size_t at, struct fcgi_record *r,
    struct str *content)
{
	size_t n = all.n - at;

	if (n < FCGI_HEADER)
		return false;
	*r = fcgi_record_read(all.p + at);
	*content = str_slice(all, at + FCGI_HEADER,
	    at + FCGI_HEADER + r->length);
	return size_of(r) <= n;
}

/* The PARAMS of all records, laid together where there are several. */
static struct str
join_params(const struct fcgi_peek *k, struct arena *a, struct str all)
{
	struct str params = STR_NONE, content;
	struct fcgi_record r;
	char *p = NULL;
	size_t n = 0;

	for (size_t at = 0; at < k->at && peek_record(all, at, &r, &content);
	    at += size_of(&r)) {
		if (r.type != RECORD_PARAMS || content.n == 0)
			continue;
		if (content.n == k->params)
			return content;
		if (p == NULL)
			p = arena_alloc(a, k->params);
		memcpy(p + n, content.p, content.n);
		n += content.n;
		params = (struct str){ p, n };
	}
	return params;
}

/* A number above the limit, however long: no body of it will be read. */
bool
fcgi_peek_too_long(const struct fcgi_peek *k, size_t most)
{
	long long n;

	return k->length.n && text_digits(k->length) &&
	    !str_to_int(k->length, 0, (long long)most, &n);
}

void
fcgi_peek_params(struct fcgi_peek *k, struct str params)
{
	enum { URI, METHOD, SCRIPT, OVERRIDE, LENGTH, WANTED };
	static const struct str names[WANTED] = {
		[URI] = { "REQUEST_URI", 11 },
		[METHOD] = { "REQUEST_METHOD", 14 },
		[SCRIPT] = { "SCRIPT_NAME", 11 },
		[OVERRIDE] = { "HTTP_X_HTTP_METHOD_OVERRIDE", 27 },
		[LENGTH] = { "CONTENT_LENGTH", 14 },
	};
	/* Most names are told from these by their length alone. */
	static const uint32_t lengths = 1u << 11 | 1u << 14 | 1u << 27;
	struct str found[WANTED] = { STR_NONE }, name, value;
	size_t at = 0;

	while (fcgi_record_pair(params, &at, &name, &value)) {
		if (!(lengths >> (name.n & 31) & 1))
			continue;
		for (int i = 0; i < WANTED; i++)
			if (found[i].p == NULL && str_eq(name, names[i]))
				found[i] = value;
	}
	k->method = found[METHOD];
	k->override = found[OVERRIDE];
	k->uri = found[URI];
	k->script = found[SCRIPT];
	k->length = found[LENGTH];
	k->enough |= fcgi_peek_too_long(k, LIMIT_BODY_JSON);
	k->refuse |= at < params.n;
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

	return byte_at(all, at) != 1 || type >= RECORD_GET_VALUES ||
	    (byte_at(all, at + 2) | byte_at(all, at + 3)) == 0 ||
	    !str_eq(str_slice(all, at + 2, at + 4), str_slice(all, 2, 4)) ||
	    (at == 0) != (type == RECORD_BEGIN);
}

static void
take_record(struct fcgi_peek *k, unsigned type, struct str content)
{
	if (type == RECORD_BEGIN && content.n >= 2)
		k->role = byte_at(content, 0) << 8 | byte_at(content, 1);
	if (type == RECORD_PARAMS) {
		k->params += content.n;
		k->head |= content.n == 0;
	}
	if (type == RECORD_STDIN) {
		k->body += content.n;
		k->whole |= content.n == 0;
	}
	k->enough |= type == RECORD_ABORT || k->whole ||
	    k->body > LIMIT_BODY_JSON;
}

void
fcgi_peek_read(struct fcgi_peek *k, struct arena *a, struct str all)
{
	bool had = k->head;
	struct fcgi_record r;
	struct str content;

	k->n = all.n;
	while (!k->whole && all.n - k->at >= FCGI_HEADER) {
		k->refuse |= is_foreign(all, k->at);
		if (k->refuse || !peek_record(all, k->at, &r, &content))
			break;
		k->refuse |= k->head && r.type == RECORD_PARAMS;
		if (k->refuse)
			break;
		take_record(k, r.type, content);
		k->at += size_of(&r);
	}
	if (k->head && (!had || k->enough)) {
		k->enough |= k->role != ROLE_RESPONDER;
		fcgi_peek_params(k, join_params(k, a, all));
	}
	k->ready = k->head && k->enough && !k->refuse;
}
