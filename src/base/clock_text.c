#include "base/clock_text.h"

#include <inttypes.h>

struct str
clock_iso(struct arena *a, int64_t wall_us)
{
	char room[CLOCK_TEXT_ROOM];

	return arena_str(a, clock_text(room, wall_us, 3));
}

struct str
clock_go_duration(struct arena *a, int64_t us)
{
	int64_t s = (us + CLOCK_SECOND - 1) / CLOCK_SECOND;
	int64_t h = s / 3600, m = s % 3600 / 60;

	s %= 60;
	if (h)
		return arena_fmt(a, "%" PRId64 "h%" PRId64 "m%" PRId64 "s",
		    h, m, s);
	if (m)
		return arena_fmt(a, "%" PRId64 "m%" PRId64 "s", m, s);
	return arena_fmt(a, "%" PRId64 "s", s);
}
