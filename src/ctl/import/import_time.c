#include "base/clock.h"
#include "base/text.h"
#include "ctl/import/import.h"

#define SECONDS_MAX INT64_C(253402300799) /* the year 9999 */
#define DATE 10 /* 2026-01-02 */
#define TIME 19 /* 2026-01-02T03:04:05 */

/* "+00", "+0130", " UTC" or nothing as RFC 3339 writes an offset. */
static struct str
import_offset(struct arena *a, struct str s)
{
	static const char *const utc[] = { "", "z", "utc", "gmt" };

	s = str_trim(s);
	for (size_t i = 0; i < sizeof(utc) / sizeof(utc[0]); i++)
		if (str_eq_nocase(s, str_of(utc[i])))
			return STR("Z");
	if (s.n == 3)
		return arena_fmt(a, "%.*s:00", STR_FMT(s));
	if (s.n == 5)
		return arena_fmt(a, "%.*s:%.*s", 3, s.p, 2, s.p + 3);
	return s;
}

bool
import_time(struct arena *a, struct str s, int64_t *us)
{
	long long seconds;
	size_t end = TIME;

	s = str_trim(s);
	if (str_to_int(s, 0, SECONDS_MAX, &seconds)) {
		*us = seconds * CLOCK_SECOND;
		return true;
	}
	if (s.n == DATE)
		s = arena_fmt(a, "%.*sT00:00:00", STR_FMT(s));
	while (end < s.n && (s.p[end] == '.' || text_is_digit(s.p[end])))
		end++;
	s = arena_fmt(a, "%.*s%.*s", STR_FMT(str_slice(s, 0, end)),
	    STR_FMT(import_offset(a, str_slice(s, end, s.n))));
	return clock_parse_iso(s, us);
}
