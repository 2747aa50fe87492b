#include <stddef.h>

#include "base/clock.h"
#include "config/config_private.h"

#define MINUTE (60 * CLOCK_SECOND)
#define DAY (24 * 60 * MINUTE)

bool
config_has_choice(const char *list, struct str word)
{
	struct str rest = str_of(list), piece;

	while (str_split(&rest, '|', &piece))
		if (str_eq(piece, word))
			return true;
	/* str_split drops an empty piece after the last bar. */
	return word.n == 0 && str_ends(str_of(list), STR("|"));
}

bool
config_range(const struct config_row *r, long long *low, long long *high)
{
	const char *dots = strstr(r->rule, "..");
	struct str a, b;
	int64_t from, to;

	if (dots == NULL)
		return false;
	a = (struct str){ r->rule, (size_t)(dots - r->rule) };
	b = str_of(dots + 2);
	if (r->kind == CONFIG_INT)
		return str_to_int(a, -INT64_MAX, INT64_MAX, low) &&
		    str_to_int(b, -INT64_MAX, INT64_MAX, high);
	if (!clock_parse_duration(a, &from) || !clock_parse_duration(b, &to))
		return false;
	*low = from;
	*high = to;
	return true;
}

static void
parse_int(struct config_all *all, size_t row, struct str v, long *out)
{
	const struct config_row *r = &config_rows[row];
	long long low, high, n;

	if (!config_range(r, &low, &high)) {
		low = -INT32_MAX;
		high = INT32_MAX;
	}
	if (str_to_int(v, low, high, &n))
		*out = (long)n;
	else
		config_fault(all, "%s must be a whole number from %lld to %lld",
		    config_subject(all, row), low, high);
}

static void
parse_bool(struct config_all *all, size_t row, struct str v, bool *out)
{
	static const char *const yes[] = { "true", "1", "yes", "on" };
	static const char *const no[] = { "false", "0", "no", "off" };

	for (size_t i = 0; i < 4; i++) {
		if (str_eq_nocase(v, str_of(yes[i]))) {
			*out = true;
			return;
		}
		if (str_eq_nocase(v, str_of(no[i]))) {
			*out = false;
			return;
		}
	}
	config_fault(all, "%s must be true or false",
	    config_subject(all, row));
}

/* The unit of a bare number under this name (JWT_EXPIRY_MINUTES). */
static int64_t
unit_of_name(const struct config_given *g)
{
	struct str name = str_of(g->name);

	if (g->from != CONFIG_FROM_ENV)
		return CLOCK_SECOND;
	if (str_ends(name, STR("_MINUTES")))
		return MINUTE;
	return str_ends(name, STR("_DAYS")) ? DAY : CLOCK_SECOND;
}

static void
parse_duration(struct config_all *all, size_t row, struct str v,
    long long *out)
{
	const struct config_row *r = &config_rows[row];
	int64_t unit = unit_of_name(&all->given[row]), us;
	long long low = 0, high = INT64_MAX, n;

	config_range(r, &low, &high);
	if (unit != CLOCK_SECOND &&
	    str_to_int(v, 0, INT64_MAX / unit, &n)) {
		us = n * unit;
		/* --print-config knows only the key's own unit. */
		all->given[row].text = arena_fmt(all->arena, "%lld%c", n,
		    unit == DAY ? 'd' : 'm').p;
	} else if (!clock_parse_duration(v, &us))
		us = -1;
	if (us >= low && us <= high) {
		*out = us;
		return;
	}
	config_fault(all, "%s must be a duration such as 900, 15m or 7d, "
	    "within %s", config_subject(all, row), r->rule);
}

static bool
value_has_control(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f)
			return true;
	return false;
}

/* Turn "a|b|c" into "a, b or c", for a sentence. */
static const char *
choices(struct arena *a, const char *list)
{
	struct str rest = str_of(list), piece, text = STR("");
	size_t left = 0;

	for (const char *p = list; *p; p++)
		left += *p == '|';
	while (str_split(&rest, '|', &piece)) {
		const char *glue = text.n == 0 ? "" : left ? ", " : " or ";

		text = arena_fmt(a, "%.*s%s%.*s", STR_FMT(text), glue,
		    STR_FMT(piece.n ? piece : STR("empty")));
		left -= left > 0;
	}
	return text.p;
}

static void
parse_text(struct config_all *all, size_t row, struct str v, const char **out)
{
	const struct config_row *r = &config_rows[row];
	const char *must = NULL;

	*out = v.p;
	/* In a file, line breaks may separate the keys. */
	if (strcmp(r->rule, "<sealing>") != 0 && value_has_control(v))
		must = "must not hold control characters";
	else if (!str_utf8(v, NULL))
		must = "must be UTF-8";
	else if (strchr(r->rule, '|') && !config_has_choice(r->rule, v))
		must = arena_fmt(all->arena, "must be one of %s",
		    choices(all->arena, r->rule)).p;
	else if (r->rule[0] == '<' && v.n)
		must = config_shape(r->rule, v);
	if (must)
		config_fault(all, "%s %s", config_subject(all, row), must);
}

static void
parse_list(struct config_all *all, size_t row, struct str v, const char **out)
{
	const struct config_row *r = &config_rows[row];
	const char *rest = v.p, *must = NULL;
	struct str piece;

	*out = v.p;
	if (value_has_control(v))
		must = "must not hold control characters";
	while (must == NULL && r->rule[0] && config_list_next(&rest, &piece))
		must = config_shape(r->rule, piece);
	if (must)
		config_fault(all, "%s: each piece %s",
		    config_subject(all, row), must);
}

static void
parse_value(struct config_all *all, size_t row, const char *text)
{
	const struct config_row *r = &config_rows[row];
	union {
		const char *text;
		long number;
		bool yes;
		long long us;
	} unused;
	void *field = r->accepted ? (void *)&unused :
	    (char *)&all->c + r->offset;
	struct str v = str_of(text);

	switch (r->kind) {
	case CONFIG_TEXT:
	case CONFIG_SECRET:
		parse_text(all, row, v, field);
		break;
	case CONFIG_LIST:
		parse_list(all, row, v, field);
		break;
	case CONFIG_INT:
		parse_int(all, row, str_trim(v), field);
		break;
	case CONFIG_BOOL:
		parse_bool(all, row, str_trim(v), field);
		break;
	case CONFIG_DURATION:
		parse_duration(all, row, str_trim(v), field);
		break;
	}
}

void
config_values(struct config_all *all, size_t first, size_t past)
{
	const char *profile = all->given[CONFIG_ROW_profile].text;
	bool strict = profile && strcmp(profile, "strict") == 0;

	for (size_t i = first; i < past; i++) {
		const struct config_row *r = &config_rows[i];
		struct config_given *g = &all->given[i];

		if (g->text == NULL) {
			bool other = strict && r->strict[0];

			*g = (struct config_given){
				.text = other ? r->strict : r->dflt,
				.from = other ? CONFIG_FROM_PROFILE :
				    CONFIG_FROM_DEFAULT
			};
		}
		parse_value(all, i, g->text);
	}
}
