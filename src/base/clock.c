#include "base/clock.h"

#include <time.h>

#include "base/text.h"

#define YEAR_0 (INT64_C(-62167219200) * CLOCK_SECOND)
#define DAY 86400
#define MARCH_OF_YEAR_0 60 /* days after its beginning; it is a leap year */
#define YEAR_10000 (INT64_C(253402300800) * CLOCK_SECOND)

static int64_t
read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * CLOCK_SECOND + t.tv_nsec / 1000;
}

int64_t
clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_boot(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

void
clock_hold(int64_t mono_us)
{
	int64_t left = mono_us - clock_mono();
	struct timespec t = { left / CLOCK_SECOND,
		left % CLOCK_SECOND * 1000 };

	if (left > 0)
		nanosleep(&t, NULL);
}

/* Write n as width digits, then c; returns the place after them. */
static char *
put_digits(char *at, int n, int width, char c)
{
	for (int i = width; i-- > 0; n /= 10)
		at[i] = (char)('0' + n % 10);
	at[width] = c;
	return at + width + 1;
}

/*
 * The day that is so many days after 1 March of year 0, in the Gregorian
 * calendar: years begin in March here, so that a leap day is the last of one.
 */
static char *
put_day(char *at, int64_t days)
{
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int day = (int)(days - era * 146097); /* of 400 years */
	int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int month;

	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153; /* 0: March */
	day -= (153 * month + 2) / 5;
	year += (int)era * 400 + (month >= 10);
	at = put_digits(at, year, 4, '-');
	at = put_digits(at, month < 10 ? month + 3 : month - 9, 2, '-');
	return put_digits(at, day + 1, 2, 'T');
}

/* Not by gmtime_r(), which takes longer than all else. */
struct str
clock_text(char room[CLOCK_TEXT_ROOM], int64_t wall_us, int digits)
{
	int64_t second, us;
	char *at = room;
	int of_day;

	wall_us = wall_us < YEAR_0 ? YEAR_0 :
	    wall_us >= YEAR_10000 ? YEAR_10000 - 1 : wall_us;
	us = wall_us - YEAR_0; /* not negative: / and % round down */
	second = us / CLOCK_SECOND;
	us %= CLOCK_SECOND;
	of_day = (int)(second % DAY);
	at = put_day(at, second / DAY - MARCH_OF_YEAR_0);
	at = put_digits(at, of_day / 3600, 2, ':');
	at = put_digits(at, of_day / 60 % 60, 2, ':');
	at = put_digits(at, of_day % 60, 2, '.');
	for (int i = digits; i < 6; i++)
		us /= 10;
	at = put_digits(at, (int)us, digits, 'Z');
	return (struct str){ room, (size_t)(at - room) };
}

/* Read exactly n digits at *s and move *s past them. */
static bool
digits(struct str *s, size_t n, int *out)
{
	long long v;

	if (s->n < n || !str_to_int(str_slice(*s, 0, n), 0, 9999, &v))
		return false;
	*s = str_slice(*s, n, s->n);
	*out = (int)v;
	return true;
}

static bool
byte(struct str *s, const char *allowed)
{
	if (s->n == 0 || strchr(allowed, s->p[0]) == NULL)
		return false;
	*s = str_slice(*s, 1, s->n);
	return true;
}

/* ".123456" to µs; digits past the sixth are cut. */
static bool
fraction(struct str *s, int64_t *us)
{
	int64_t unit = CLOCK_SECOND / 10;
	size_t n = 0;

	*us = 0;
	if (s->n == 0 || s->p[0] != '.')
		return true;
	for (n = 1; n < s->n && text_is_digit(s->p[n]); n++) {
		*us += (s->p[n] - '0') * unit;
		unit /= 10;
	}
	*s = str_slice(*s, n, s->n);
	return n > 1;
}

/* "Z" or "+hh:mm" to the seconds to subtract. */
static bool
read_offset(struct str *s, int *seconds)
{
	int h, m, sign;

	if (s->n == 1 && (s->p[0] == 'Z' || s->p[0] == 'z')) {
		*seconds = 0;
		return true;
	}
	if (s->n != 6 || (s->p[0] != '+' && s->p[0] != '-'))
		return false;
	sign = s->p[0] == '-' ? -1 : 1;
	*s = str_slice(*s, 1, s->n);
	if (!digits(s, 2, &h) || !byte(s, ":") || !digits(s, 2, &m) ||
	    h > 23 || m > 59)
		return false;
	*seconds = sign * (h * 3600 + m * 60);
	return true;
}

bool
clock_parse_iso(struct str s, int64_t *wall_us)
{
	struct tm tm = { 0 }, back;
	int64_t us;
	int shift;
	time_t t;

	if (!digits(&s, 4, &tm.tm_year) || !byte(&s, "-") ||
	    !digits(&s, 2, &tm.tm_mon) || !byte(&s, "-") ||
	    !digits(&s, 2, &tm.tm_mday) || !byte(&s, "Tt ") ||
	    !digits(&s, 2, &tm.tm_hour) || !byte(&s, ":") ||
	    !digits(&s, 2, &tm.tm_min) || !byte(&s, ":") ||
	    !digits(&s, 2, &tm.tm_sec) || !fraction(&s, &us) ||
	    !read_offset(&s, &shift))
		return false;
	if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	t = timegm(&back);
	/* timegm would turn 31 February into March; refuse it. */
	if (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon)
		return false;
	*wall_us = ((int64_t)t - shift) * CLOCK_SECOND + us;
	return true;
}

static const struct {
	const char *unit;
	int64_t us;
} units[] = { { "ms", CLOCK_MS }, { "s", CLOCK_SECOND },
	{ "m", 60 * CLOCK_SECOND }, { "h", 3600 * CLOCK_SECOND },
	{ "d", 86400 * CLOCK_SECOND }, { "w", 7 * 86400 * CLOCK_SECOND } };

static int64_t
unit_us(struct str unit)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (str_eq(unit, str_of(units[i].unit)))
			return units[i].us;
	return 0;
}

bool
clock_parse_duration(struct str s, int64_t *us)
{
	int64_t sum = 0;

	if (s.n == 0)
		return false;
	while (s.n) {
		size_t d = 0, u;
		long long count;
		int64_t unit, part;

		while (d < s.n && text_is_digit(s.p[d]))
			d++;
		for (u = d; u < s.n && !text_is_digit(s.p[u]); u++)
			;
		if (!str_to_int(str_slice(s, 0, d), 0, INT64_MAX, &count))
			return false;
		/* A bare number is seconds, and must be the whole text. */
		unit = u == d && sum == 0 ? CLOCK_SECOND :
		    unit_us(str_slice(s, d, u));
		if (unit == 0 ||
		    __builtin_mul_overflow((int64_t)count, unit, &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return false;
		s = str_slice(s, u, s.n);
	}
	*us = sum;
	return true;
}
