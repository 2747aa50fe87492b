#include "http/peek.h"

#include <stdint.h>

#define HEADER 8
enum { BEGIN_REQUEST = 1, PARAMS = 4, STDIN = 5, MANAGEMENT = 9 };

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

static struct str
join(struct peek *out, struct str script, struct str info)
{
	if (script.n + info.n > sizeof(out->joined))
		return STR_NONE;
	if (script.n)
		memcpy(out->joined, script.p, script.n);
	if (info.n)
		memcpy(out->joined + script.n, info.p, info.n);
	return (struct str){ out->joined, script.n + info.n };
}

/* Of a name that is sent twice the first counts, as for the request. */
static void
read_target(struct peek *out, struct str params)
{
	enum { URI, METHOD, SCRIPT, INFO, WANTED };
	static const struct str names[WANTED] = {
		[URI] = { "REQUEST_URI", 11 },
		[METHOD] = { "REQUEST_METHOD", 14 },
		[SCRIPT] = { "SCRIPT_NAME", 11 },
		[INFO] = { "PATH_INFO", 9 },
	};
	struct str found[WANTED] = { STR_NONE, STR_NONE, STR_NONE, STR_NONE };
	struct str name, value;
	size_t at = 0;

	while (read_pair(params, &at, &name, &value))
		for (int i = 0; i < WANTED; i++)
			if (found[i].p == NULL && str_eq(name, names[i]))
				found[i] = value;
	out->method = found[METHOD];
	out->uri = found[URI].p ? found[URI] :
	    join(out, found[SCRIPT], found[INFO]);
}

/* Parameters may come in several records: then they are laid together. */
static void
add_params(struct peek *out, struct str *params, struct str more)
{
	if (params->n == 0) {
		*params = more;
		return;
	}
	if (params->p != out->scratch)
		memcpy(out->scratch, params->p, params->n);
	memcpy(out->scratch + params->n, more.p, more.n);
	*params = (struct str){ out->scratch, params->n + more.n };
}

void
peek_read(struct peek *out, const char *p, size_t n)
{
	struct str all = { p, n < PEEK_BYTES ? n : PEEK_BYTES };
	struct str params = STR_NONE;
	size_t at = 0;

	out->refuse = out->whole = false;
	while (all.n - at >= HEADER && !out->whole) {
		unsigned type = byte_at(all, at + 1);
		unsigned id = byte_at(all, at + 2) << 8 | byte_at(all, at + 3);
		size_t size = byte_at(all, at + 4) << 8 | byte_at(all, at + 5);
		struct str content = str_slice(all, at + HEADER,
		    at + HEADER + size);

		/*
		 * libfcgi answers GET_VALUES into 64 bytes of stack without
		 * looking at their end, and waits for bytes nobody owes it.
		 */
		if (byte_at(all, at) != 1 || type >= MANAGEMENT || id == 0 ||
		    (at == 0 && type != BEGIN_REQUEST)) {
			out->refuse = true;
			break;
		}
		if (type == PARAMS)
			add_params(out, &params, content);
		size += HEADER + byte_at(all, at + 6);
		out->whole = type == STDIN && size == HEADER &&
		    content.n == 0;
		if (size > all.n - at)
			break;
		at += size;
	}
	read_target(out, params);
}
