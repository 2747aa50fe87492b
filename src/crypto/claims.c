#include "crypto/claims.h"

#define NUMBER_MAX ((INT64_C(1) << 53) - 1)

struct reader {
	struct arena *arena;
	const char *p;
	const char *end;
};

static bool skip_value(struct reader *r, int depth);

static void
skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' ||
	    *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* Take c, with white space before it. */
static bool
take(struct reader *r, char c)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool
take_word(struct reader *r, struct str word)
{
	struct str rest = { r->p, (size_t)(r->end - r->p) };

	if (!str_starts(rest, word))
		return false;
	r->p += word.n;
	return true;
}

static bool
hex4(const char *p, uint32_t *out)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

/* The code point of a \u escape behind its "u"; a pair is one point. */
static bool
unicode_escape(const char **pp, const char *end, uint32_t *point)
{
	const char *p = *pp;
	uint32_t low;

	if (end - p < 4 || !hex4(p, point))
		return false;
	p += 4;
	if (*point >= 0xd800 && *point <= 0xdbff) {
		if (end - p < 6 || p[0] != '\\' || p[1] != 'u' ||
		    !hex4(p + 2, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		*point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	*pp = p;
	return *point != 0 && !(*point >= 0xdc00 && *point <= 0xdfff);
}

static char *
put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

static char
simple_escape(char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : '\0';
}

/* raw is what stands between the quotes; its text is never longer. */
static bool
unescape(struct arena *a, struct str raw, struct str *out)
{
	char *buf = arena_alloc(a, raw.n + 1), *to = buf;
	const char *p = raw.p, *end = raw.p + raw.n;
	uint32_t point;

	while (p < end) {
		if (*p != '\\') {
			*to++ = *p++;
			continue;
		}
		if (++p == end)
			return false;
		if (*p == 'u') {
			p++;
			if (!unicode_escape(&p, end, &point))
				return false;
			to = put_utf8(to, point);
		} else if ((*to++ = simple_escape(*p++)) == '\0') {
			return false;
		}
	}
	*out = (struct str){ buf, (size_t)(to - buf) };
	return true;
}

static bool
read_string(struct reader *r, struct str *out)
{
	const char *start;
	bool escaped = false;

	if (!take(r, '"'))
		return false;
	for (start = r->p; r->p < r->end && *r->p != '"'; r->p++) {
		if ((unsigned char)*r->p < 0x20)
			return false;
		if (*r->p == '\\') {
			escaped = true;
			if (++r->p == r->end)
				return false;
		}
	}
	if (r->p == r->end)
		return false;
	*out = (struct str){ start, (size_t)(r->p++ - start) };
	return !escaped || unescape(r->arena, *out, out);
}

static size_t
take_digits(struct reader *r)
{
	const char *start = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return (size_t)(r->p - start);
}

/* RFC 8259, 6. */
static bool
skip_number(struct reader *r)
{
	if (r->p < r->end && *r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (take_digits(r) == 0)
		return false;
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (take_digits(r) == 0)
			return false;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (take_digits(r) == 0)
			return false;
	}
	return true;
}

static bool
read_integer(struct reader *r, int64_t *out)
{
	const char *start;
	long long v;

	skip_space(r);
	start = r->p;
	if (!skip_number(r) || !str_to_int((struct str){ start,
	    (size_t)(r->p - start) }, 0, NUMBER_MAX, &v))
		return false;
	*out = v;
	return *start != '-';
}

static bool
is_repeated(const struct str *seen, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(seen[i], name))
			return true;
	return false;
}

/* "name" : , refused when it is among the n seen; then it is one of them. */
static bool
read_name(struct reader *r, struct str *seen, size_t *n)
{
	struct str name;

	if (*n == CLAIMS_MEMBERS || !read_string(r, &name) || !take(r, ':') ||
	    is_repeated(seen, *n, name))
		return false;
	seen[(*n)++] = name;
	return true;
}

static bool
skip_array(struct reader *r, int depth)
{
	if (take(r, ']'))
		return true;
	do {
		if (!skip_value(r, depth))
			return false;
	} while (take(r, ','));
	return take(r, ']');
}

static bool
skip_object(struct reader *r, int depth)
{
	struct str seen[CLAIMS_MEMBERS];
	size_t n = 0;

	if (take(r, '}'))
		return true;
	do {
		if (!read_name(r, seen, &n) || !skip_value(r, depth))
			return false;
	} while (take(r, ','));
	return take(r, '}');
}

static bool
skip_value(struct reader *r, int depth)
{
	struct str ignored;

	skip_space(r);
	if (r->p == r->end)
		return false;
	switch (*r->p) {
	case '{':
		r->p++;
		return depth < CLAIMS_DEPTH && skip_object(r, depth + 1);
	case '[':
		r->p++;
		return depth < CLAIMS_DEPTH && skip_array(r, depth + 1);
	case '"':
		return read_string(r, &ignored);
	case 't':
		return take_word(r, STR("true"));
	case 'f':
		return take_word(r, STR("false"));
	case 'n':
		return take_word(r, STR("null"));
	default:
		return skip_number(r);
	}
}

static bool
read_member(struct reader *r, struct str name, struct claim *want, size_t n)
{
	struct claim *c = NULL;

	for (size_t i = 0; i < n && c == NULL; i++)
		if (str_eq(name, str_of(want[i].name)))
			c = &want[i];
	if (c == NULL)
		return skip_value(r, 1);
	c->found = true;
	if (c->kind == CLAIM_STRING)
		return read_string(r, &c->text);
	if (c->kind == CLAIM_INTEGER)
		return read_integer(r, &c->number);
	return skip_value(r, 1);
}

bool
claims_read(struct arena *a, struct str json, struct claim *want, size_t n)
{
	struct reader r = { a, json.p, json.p + json.n };
	struct str seen[CLAIMS_MEMBERS];
	size_t nseen = 0;

	if (json.n == 0 || !str_utf8(json, NULL) || str_has_nul(json) ||
	    !take(&r, '{'))
		return false;
	if (!take(&r, '}')) {
		do {
			if (!read_name(&r, seen, &nseen) ||
			    !read_member(&r, seen[nseen - 1], want, n))
				return false;
		} while (take(&r, ','));
		if (!take(&r, '}'))
			return false;
	}
	skip_space(&r);
	return r.p == r.end;
}
