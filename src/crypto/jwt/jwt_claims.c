#include "crypto/jwt/jwt_claims.h"

#include "base/json/json.h"
#include "base/text.h"

#define NUMBER_MAX ((INT64_C(1) << 53) - 1)

struct reader {
	struct arena *arena;
	const char *p;
	const char *end;
};

static bool skip_value(struct reader *r, int depth);

static void
skip_claim_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' ||
	    *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* Skip white space and take c. */
static bool
take_token(struct reader *r, char c)
{
	skip_claim_space(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static struct str
rest_of(const struct reader *r)
{
	return (struct str){ r->p, (size_t)(r->end - r->p) };
}

static bool
take_word(struct reader *r, struct str word)
{
	if (!str_starts(rest_of(r), word))
		return false;
	r->p += word.n;
	return true;
}

static bool
read_string(struct reader *r, struct str *out)
{
	const char *start;
	bool escaped = false;

	if (!take_token(r, '"'))
		return false;
	start = r->p;
	r->p += str_json_plain(rest_of(r));
	while (r->end - r->p >= 2 && *r->p == '\\') {
		escaped = true;
		r->p += 2;
		r->p += str_json_plain(rest_of(r));
	}
	if (r->p == r->end || *r->p != '"')
		return false;
	*out = (struct str){ start, (size_t)(r->p++ - start) };
	return !escaped || json_unescape(r->arena, *out, out);
}

static size_t
take_digits(struct reader *r)
{
	const char *start = r->p;

	while (r->p < r->end && text_is_digit(*r->p))
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

	skip_claim_space(r);
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

/* Read "name" : and add it to the n seen; false when already seen. */
static bool
read_claim_name(struct reader *r, struct str *seen, size_t *n)
{
	struct str name;

	if (*n == CLAIMS_MEMBERS || !read_string(r, &name) ||
	    !take_token(r, ':') ||
	    is_repeated(seen, *n, name))
		return false;
	seen[(*n)++] = name;
	return true;
}

static bool
skip_array(struct reader *r, int depth)
{
	if (take_token(r, ']'))
		return true;
	do {
		if (!skip_value(r, depth))
			return false;
	} while (take_token(r, ','));
	return take_token(r, ']');
}

static bool
skip_object(struct reader *r, int depth)
{
	struct str seen[CLAIMS_MEMBERS];
	size_t n = 0;

	if (take_token(r, '}'))
		return true;
	do {
		if (!read_claim_name(r, seen, &n) || !skip_value(r, depth))
			return false;
	} while (take_token(r, ','));
	return take_token(r, '}');
}

static bool
skip_value(struct reader *r, int depth)
{
	struct str ignored;

	skip_claim_space(r);
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
jwt_claims_read(struct arena *a, struct str json, struct claim *want, size_t n)
{
	struct reader r = { a, json.p, json.p + json.n };
	struct str seen[CLAIMS_MEMBERS];
	size_t nseen = 0;

	if (json.n == 0 || !str_utf8(json, NULL) || str_has_nul(json) ||
	    !take_token(&r, '{'))
		return false;
	if (!take_token(&r, '}')) {
		do {
			if (!read_claim_name(&r, seen, &nseen) ||
			    !read_member(&r, seen[nseen - 1], want, n))
				return false;
		} while (take_token(&r, ','));
		if (!take_token(&r, '}'))
			return false;
	}
	skip_claim_space(&r);
	return r.p == r.end;
}
