#include "base/json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

#define EXACT 9007199254740992.0 /* 2^53 */
#define DIGITS_MAX 17

/* Print v as d.dddde[+-]xx into text; does that read back as v? */
static bool
round_trips(char *text, size_t room, int digits, double v)
{
	snprintf(text, room, "%.*e", digits - 1, v);
	return strtod(text, NULL) == v;
}

/*
 * Doubles lie half as far apart below a power of two as above it, so the
 * nearest decimal may not read back as v while the next one up does.
 */
static bool
upper_trips(char *text, double v)
{
	char *last = strchr(text, 'e') - 1;
	char saved[40];
	int e;

	if (frexp(v, &e) != 0.5 || *last == '9')
		return false;
	memcpy(saved, text, sizeof(saved));
	(*last)++;
	if (strtod(text, NULL) == v)
		return true;
	memcpy(text, saved, sizeof(saved));
	return false;
}

/*
 * Write the fewest digits that read back as v > 0 (ECMA-262, Number::toString).
 * Returns their number; *point is the place of the decimal point.
 */
static int
shortest(double v, char digits[DIGITS_MAX + 1], int *point)
{
	char text[40] = "";
	int n = 0;

	for (int k = 1; k <= DIGITS_MAX; k++)
		if (round_trips(text, sizeof(text), k, v) ||
		    upper_trips(text, v))
			break;
	for (const char *p = text; *p != 'e'; p++)
		if (*p != '.')
			digits[n++] = *p;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	*point = (int)strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
	return n;
}

static void
print_double(struct buf *b, double v)
{
	char d[DIGITS_MAX + 1];
	int k, n;

	if (v < 0) {
		buf_byte(b, '-');
		v = -v;
	}
	k = shortest(v, d, &n);
	if (k <= n && n <= 21) {
		buf_add(b, str_of(d));
		for (int i = k; i < n; i++)
			buf_byte(b, '0');
	} else if (0 < n && n <= 21) {
		buf_fmt(b, "%.*s.%s", n, d, d + n);
	} else if (-6 < n && n <= 0) {
		buf_fmt(b, "0.%.*s%s", -n, "000000", d);
	} else {
		buf_fmt(b, "%c%s%se%c%d", d[0], k > 1 ? "." : "", d + 1,
		    n > 0 ? '+' : '-', abs(n - 1));
	}
}

static void
print_number(struct buf *b, double v)
{
	if (!isfinite(v))
		buf_add(b, STR("null"));
	else if (v >= -EXACT && v <= EXACT && v == (double)(int64_t)v)
		buf_int(b, (int64_t)v);
	else
		print_double(b, v);
}

static void
print_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
	const char *at = strchr(from, c);

	buf_byte(b, '\\');
	if (at) {
		buf_byte(b, to[at - from]);
		return;
	}
	buf_add(b, STR("u00"));
	buf_byte(b, hex[c >> 4]);
	buf_byte(b, hex[c & 15]);
}

void
json_write_str(struct buf *b, struct str text)
{
	size_t n;

	buf_byte(b, '"');
	while ((n = str_json_plain(text)) < text.n) {
		buf_add(b, str_slice(text, 0, n));
		print_escape(b, (unsigned char)text.p[n]);
		text = str_slice(text, n + 1, text.n);
	}
	buf_add(b, text);
	buf_byte(b, '"');
}

static void
print_members(struct buf *b, const cJSON *v, bool keys)
{
	const cJSON *m;

	buf_byte(b, keys ? '{' : '[');
	for (m = v->child; m; m = m->next) {
		if (m != v->child)
			buf_byte(b, ',');
		if (keys) {
			json_write_str(b, str_of(m->string));
			buf_byte(b, ':');
		}
		json_write(b, m);
	}
	buf_byte(b, keys ? '}' : ']');
}

void
json_write(struct buf *b, const cJSON *v)
{
	switch (v ? v->type & 0xff : cJSON_NULL) {
	case cJSON_True:
		buf_add(b, STR("true"));
		break;
	case cJSON_False:
		buf_add(b, STR("false"));
		break;
	case cJSON_Number:
		print_number(b, v->valuedouble);
		break;
	case cJSON_String:
		json_write_str(b, str_of(v->valuestring));
		break;
	case cJSON_Array:
		print_members(b, v, false);
		break;
	case cJSON_Object:
		print_members(b, v, true);
		break;
	default:
		buf_add(b, STR("null"));
	}
}

struct str
json_print(struct arena *a, const cJSON *v)
{
	struct buf b = buf_new(a, LIMIT_ANSWER);

	json_write(&b, v);
	return b.full ? STR_NONE : buf_str(&b);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp((*(const cJSON *const *)a)->string,
	    (*(const cJSON *const *)b)->string);
}

static void
write_canonical(struct arena *a, struct buf *b, const cJSON *v)
{
	bool keys = cJSON_IsObject(v);
	const cJSON **all, *m;
	size_t n = 0;

	if (!keys && !cJSON_IsArray(v)) {
		json_write(b, v);
		return;
	}
	all = arena_array(a, (size_t)cJSON_GetArraySize(v) + 1, sizeof(*all));
	for (m = v->child; m; m = m->next)
		all[n++] = m;
	if (keys)
		qsort(all, n, sizeof(*all), by_name);
	buf_byte(b, keys ? '{' : '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(b, ',');
		if (keys) {
			json_write_str(b, str_of(all[i]->string));
			buf_byte(b, ':');
		}
		write_canonical(a, b, all[i]);
	}
	buf_byte(b, keys ? '}' : ']');
}

struct str
json_canonical(struct arena *a, const cJSON *v)
{
	struct buf b = buf_new(a, LIMIT_ANSWER);

	write_canonical(a, &b, v);
	return b.full ? STR_NONE : buf_str(&b);
}
