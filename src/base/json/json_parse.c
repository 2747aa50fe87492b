#include "base/json/json.h"

#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"

/*
 * cJSON's own parser takes much that RFC 8259 does not, and cuts strings at
 * \u0000 and numbers at 63 bytes. This one reads a text once and builds cJSON's
 * tree as it goes, in the arena.
 */
#define NUMBER_MAX 40
#define EXACT 9007199254740991.0 /* 2^53 - 1: above, two texts are one double */

struct scan {
	struct arena *arena; /* of the tree */
	const char *p, *end;
	int depth; /* levels left */
	int nodes; /* values left */
	const char *why;
};

static cJSON *scan_value(struct scan *s);

/* NULL, for whatever was to be read. */
static void *
refuse_json(struct scan *s, const char *why)
{
	if (s->why == NULL)
		s->why = why;
	return NULL;
}

static cJSON *
new_node(struct scan *s, int type)
{
	cJSON *v = ARENA_NEW(s->arena, cJSON);

	v->type = type;
	return v;
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
		int digit = text_hex(*s->p++);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* The code point behind "\u"; 0 where it is refused. */
static int
scan_unicode(struct scan *s)
{
	int v = scan_hex4(s), low;

	if (v <= 0) {
		refuse_json(s, v ? "a bad escape in a string" :
		    "a NUL in a string");
		return 0;
	}
	if (v < 0xd800 || v > 0xdfff)
		return v;
	low = v < 0xdc00 && take_char(s, '\\') && take_char(s, 'u') ?
	    scan_hex4(s) : -1;
	if (low < 0xdc00 || low > 0xdfff) {
		refuse_json(s, "a lone surrogate in a string");
		return 0;
	}
	return 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
}

/* v as UTF-8 (RFC 3629) at to; returns what is behind it. */
static char *
put_utf8(char *to, int v)
{
	int more = v < 0x80 ? 0 : v < 0x800 ? 1 : v < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };

	*to++ = (char)(lead[more] | v >> 6 * more);
	while (more--)
		*to++ = (char)(0x80 | (v >> 6 * more & 0x3f));
	return to;
}

/* What stands behind a backslash, as bytes at to; NULL, or behind them. */
static char *
scan_escape(struct scan *s, char *to)
{
	static const char from[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	char c = peek(s);
	const char *at = c ? strchr(from, c) : NULL;
	int v;

	if (at) {
		s->p++;
		*to = meant[at - from];
		return to + 1;
	}
	if (!take_char(s, 'u'))
		return refuse_json(s, "a bad escape in a string");
	v = scan_unicode(s);
	return v ? put_utf8(to, v) : NULL;
}

bool
json_unescape(struct arena *a, struct str raw, struct str *out)
{
	struct scan s = { .arena = a, .p = raw.p, .end = raw.p + raw.n };
	/* The text is never longer than its escaped form. */
	char *text = arena_alloc(a, raw.n + 1), *to = text;

	while (s.p < s.end)
		if (!take_char(&s, '\\'))
			*to++ = *s.p++;
		else if ((to = scan_escape(&s, to)) == NULL)
			return false;
	*out = (struct str){ text, (size_t)(to - text) };
	return true;
}

static size_t
plain_ahead(const struct scan *s, const char *p)
{
	return str_json_plain((struct str){ p, (size_t)(s->end - p) });
}

/*
 * Bytes up to the closing quote, or to what ends the string otherwise: they
 * bound those of the string.
 */
static size_t
string_room(const struct scan *s)
{
	const char *p = s->p + plain_ahead(s, s->p);

	while (s->end - p >= 2 && *p == '\\') {
		p += 2;
		p += plain_ahead(s, p);
	}
	return (size_t)(p - s->p);
}

/* The bytes that stand for themselves, together; returns what is behind. */
static char *
scan_plain(struct scan *s, char *to)
{
	size_t n = plain_ahead(s, s->p);

	memcpy(to, s->p, n);
	s->p += n;
	return to + n;
}

static char *
scan_string(struct scan *s)
{
	char *text, *to;

	if (!take_char(s, '"'))
		return refuse_json(s, "a string was expected");
	to = text = arena_alloc(s->arena, string_room(s) + 1);
	for (to = scan_plain(s, to); s->p < s->end; to = scan_plain(s, to)) {
		if (take_char(s, '"')) {
			*to = '\0';
			return text;
		}
		if (!take_char(s, '\\'))
			return refuse_json(s,
			    "a control character in a string");
		if ((to = scan_escape(s, to)) == NULL)
			return NULL;
	}
	return refuse_json(s, "a string without its end");
}

static cJSON *
string_node(struct scan *s)
{
	char *text = scan_string(s);
	cJSON *v;

	if (text == NULL)
		return NULL;
	v = new_node(s, cJSON_String);
	v->valuestring = text;
	return v;
}

static bool
scan_digits(struct scan *s)
{
	const char *from = s->p;

	while (text_is_digit(peek(s)))
		s->p++;
	return s->p > from;
}

static cJSON *
scan_number(struct scan *s)
{
	const char *from = s->p;
	char text[NUMBER_MAX + 1];
	cJSON *node;
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
	node = new_node(s, cJSON_Number);
	cJSON_SetNumberHelper(node, v);
	return node;
}

/* A value, with its name where keys is true. */
static cJSON *
scan_member(struct scan *s, bool keys)
{
	char *name = NULL;
	cJSON *v;

	skip_json_space(s);
	if (keys) {
		if ((name = scan_string(s)) == NULL)
			return NULL;
		skip_json_space(s);
		if (!take_char(s, ':'))
			return refuse_json(s, "a colon was expected");
	}
	if ((v = scan_value(s)) != NULL)
		v->string = name;
	return v;
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

/* The members up to end, as cJSON links them: the first knows the last. */
static bool
scan_list(struct scan *s, cJSON *v, bool keys)
{
	cJSON *last = NULL, *m;

	do {
		if ((m = scan_member(s, keys)) == NULL)
			return false;
		m->prev = last;
		if (last)
			last->next = m;
		else
			v->child = m;
		last = m;
	} while (take_char(s, ','));
	v->child->prev = last;
	return true;
}

static cJSON *
scan_members(struct scan *s, bool keys)
{
	const char end = keys ? '}' : ']';
	cJSON *v = new_node(s, keys ? cJSON_Object : cJSON_Array);

	s->p++;
	if (s->depth-- == 0)
		return refuse_json(s, "too deep nesting");
	skip_json_space(s);
	if (!take_char(s, end)) {
		if (!scan_list(s, v, keys))
			return NULL;
		if (!take_char(s, end))
			return refuse_json(s, "a comma or an end was expected");
	}
	s->depth++;
	if (keys && v->child && v->child->next && has_twins(s->arena, v))
		return refuse_json(s, "an object has two members of one name");
	return v;
}

static cJSON *
scan_word(struct scan *s, struct str word, int type)
{
	if (!str_starts((struct str){ s->p, (size_t)(s->end - s->p) }, word))
		return refuse_json(s, "a value was expected");
	s->p += word.n;
	return new_node(s, type);
}

static cJSON *
scan_value(struct scan *s)
{
	cJSON *v;

	skip_json_space(s);
	if (s->nodes-- == 0)
		return refuse_json(s, "too many values");
	switch (peek(s)) {
	case '{':
		v = scan_members(s, true);
		break;
	case '[':
		v = scan_members(s, false);
		break;
	case '"':
		v = string_node(s);
		break;
	case 't':
		v = scan_word(s, STR("true"), cJSON_True);
		break;
	case 'f':
		v = scan_word(s, STR("false"), cJSON_False);
		break;
	case 'n':
		v = scan_word(s, STR("null"), cJSON_NULL);
		break;
	default:
		v = scan_number(s);
	}
	skip_json_space(s);
	return v;
}

enum err
json_parse(struct arena *a, struct str text, int max_depth, cJSON **out,
    const char **why)
{
	struct scan s = { .arena = a, .p = text.p, .end = text.p + text.n,
		.depth = max_depth, .nodes = LIMIT_JSON_NODES };

	if (str_has_nul(text) || !str_utf8(text, NULL))
		*out = refuse_json(&s, "it is not valid UTF-8");
	else if ((*out = scan_value(&s)) != NULL && s.p != s.end)
		*out = refuse_json(&s, "something behind the value");
	if (why)
		*why = s.why;
	return *out ? E_OK : E_BAD_JSON;
}
