#include "base/json/json.h"

#include <math.h>
#include <stdlib.h>

#include "base/limits.h"

/*
 * cJSON takes much that RFC 8259 does not, cuts strings at \u0000 and numbers
 * at 63 bytes. So this file checks the text first, and cJSON builds the tree
 * only of text that is known to be right.
 */
#define NUMBER_MAX 40
#define EXACT 9007199254740991.0 /* 2^53 - 1: above, two texts are one double */

struct scan {
	const char *p, *end;
	int depth; /* levels left */
	int nodes; /* values left */
	const char *why;
};

static bool scan_value(struct scan *s);

static bool
refuse_json(struct scan *s, const char *why)
{
	if (s->why == NULL)
		s->why = why;
	return false;
}

static char
peek(const struct scan *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static bool
take_char(struct scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->p++;
	return true;
}

static void
skip_json_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
	    *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

/* Four hexadecimal digits, or -1. */
static int
scan_hex4(struct scan *s)
{
	int v = 0;

	if (s->end - s->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = *s->p++;

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (c - 'A' + 10);
		else
			return -1;
	}
	return v;
}

static bool
scan_unicode(struct scan *s)
{
	int v = scan_hex4(s), low;

	if (v < 0)
		return refuse_json(s, "a bad escape in a string");
	if (v == 0)
		return refuse_json(s, "a NUL in a string");
	if (v < 0xd800 || v > 0xdfff)
		return true;
	if (v > 0xdbff || !take_char(s, '\\') || !take_char(s, 'u'))
		return refuse_json(s, "a lone surrogate in a string");
	low = scan_hex4(s);
	if (low < 0xdc00 || low > 0xdfff)
		return refuse_json(s, "a lone surrogate in a string");
	return true;
}

static bool
scan_string(struct scan *s)
{
	if (!take_char(s, '"'))
		return refuse_json(s, "a string was expected");
	while (s->p < s->end) {
		unsigned char c = (unsigned char)*s->p++;

		if (c == '"')
			return true;
		if (c < 0x20)
			return refuse_json(s,
			    "a control character in a string");
		if (c != '\\')
			continue;
		c = (unsigned char)peek(s);
		if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
			return refuse_json(s, "a bad escape in a string");
		s->p++;
		if (c == 'u' && !scan_unicode(s))
			return false;
	}
	return refuse_json(s, "a string without its end");
}

static bool
scan_digits(struct scan *s)
{
	const char *from = s->p;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->p++;
	return s->p > from;
}

static bool
scan_number(struct scan *s)
{
	const char *from = s->p;
	char text[NUMBER_MAX + 1];
	double v;
	size_t n;

	take_char(s, '-');
	if (!take_char(s, '0') && !scan_digits(s))
		return refuse_json(s, "a value was expected");
	if (take_char(s, '.') && !scan_digits(s))
		return refuse_json(s, "a bad number");
	if (take_char(s, 'e') || take_char(s, 'E')) {
		if (!take_char(s, '+'))
			take_char(s, '-');
		if (!scan_digits(s))
			return refuse_json(s, "a bad number");
	}
	n = (size_t)(s->p - from);
	if (n > NUMBER_MAX)
		return refuse_json(s, "a number that is too long");
	memcpy(text, from, n);
	text[n] = '\0';
	v = strtod(text, NULL);
	if (!isfinite(v) || fabs(v) > EXACT)
		return refuse_json(s, "a number that is too large");
	return true;
}

static bool
scan_member(struct scan *s, bool keys)
{
	skip_json_space(s);
	if (keys) {
		if (!scan_string(s))
			return false;
		skip_json_space(s);
		if (!take_char(s, ':'))
			return refuse_json(s, "a colon was expected");
	}
	return scan_value(s);
}

static bool
scan_members(struct scan *s, bool keys)
{
	const char end = keys ? '}' : ']';

	s->p++;
	if (s->depth-- == 0)
		return refuse_json(s, "too deep nesting");
	skip_json_space(s);
	if (!take_char(s, end)) {
		do {
			if (!scan_member(s, keys))
				return false;
		} while (take_char(s, ','));
		if (!take_char(s, end))
			return refuse_json(s, "a comma or an end was expected");
	}
	s->depth++;
	return true;
}

static bool
scan_word(struct scan *s, struct str word)
{
	if (!str_starts((struct str){ s->p, (size_t)(s->end - s->p) }, word))
		return refuse_json(s, "a value was expected");
	s->p += word.n;
	return true;
}

static bool
scan_value(struct scan *s)
{
	bool ok;

	skip_json_space(s);
	if (s->nodes-- == 0)
		return refuse_json(s, "too many values");
	switch (peek(s)) {
	case '{':
		ok = scan_members(s, true);
		break;
	case '[':
		ok = scan_members(s, false);
		break;
	case '"':
		ok = scan_string(s);
		break;
	case 't':
		ok = scan_word(s, STR("true"));
		break;
	case 'f':
		ok = scan_word(s, STR("false"));
		break;
	case 'n':
		ok = scan_word(s, STR("null"));
		break;
	default:
		ok = scan_number(s);
	}
	skip_json_space(s);
	return ok;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Do two members share a name? Sorts: comparing all pairs of 4096 is slow. */
static bool
has_twins(struct arena *a, const cJSON *o)
{
	const cJSON *m;
	const char **keys;
	size_t n = 0;

	for (m = o->child; m; m = m->next)
		n++;
	keys = arena_array(a, n + 1, sizeof(*keys));
	n = 0;
	for (m = o->child; m; m = m->next)
		keys[n++] = m->string;
	qsort(keys, n, sizeof(*keys), compare_names);
	for (size_t i = 1; i < n; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return true;
	return false;
}

/* The scan has already bounded the depth of this recursion. */
static bool
any_twins(struct arena *a, const cJSON *v)
{
	const cJSON *m;

	if (cJSON_IsObject(v) && has_twins(a, v))
		return true;
	for (m = v->child; m; m = m->next)
		if (m->child && any_twins(a, m))
			return true;
	return false;
}

static cJSON *
build(struct arena *a, struct str text)
{
	struct arena *before = json_use(a);
	cJSON *v = cJSON_ParseWithLength(text.p, text.n);

	json_use(before);
	return v;
}

enum err
json_parse(struct arena *a, struct str text, int max_depth, cJSON **out,
    const char **why)
{
	struct scan s = { text.p, text.p + text.n, max_depth,
	    LIMIT_JSON_NODES, NULL };
	bool ok;

	*out = NULL;
	if (str_has_nul(text) || !str_utf8(text, NULL))
		ok = refuse_json(&s, "it is not valid UTF-8");
	else
		ok = scan_value(&s) &&
		    (s.p == s.end || refuse_json(&s,
		    "something behind the value"));
	if (ok && (*out = build(a, text)) == NULL)
		ok = refuse_json(&s, "it cannot be read");
	if (ok && any_twins(a, *out))
		ok = refuse_json(&s, "an object has two members of one name");
	if (why)
		*why = s.why;
	if (!ok)
		*out = NULL;
	return ok ? E_OK : E_BAD_JSON;
}
