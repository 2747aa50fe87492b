#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/str.h"

/*
 * Durations are measured on the monotonic clock, stored times on the wall
 * clock, both in microseconds (security row RE13).
 */
#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_MS INT64_C(1000)

int64_t clock_mono(void);
int64_t clock_wall(void);

/* As clock_mono, and the time for which the machine was suspended counts. */
int64_t clock_boot(void);

/*
 * Sleep until a monotonic time, so that answers which must not tell what was
 * found all take the same least time (security row LG3).
 */
void clock_hold(int64_t mono_us);

/*
 * RFC 3339 in UTC: 2026-01-02T03:04:05.678Z, with `digits` digits (1 to 6)
 * after the point. RFC 3339 has only the years 0 to 9999; a time outside them
 * becomes the nearest one inside.
 */
#define CLOCK_TEXT_ROOM 28
struct str clock_text(char room[CLOCK_TEXT_ROOM], int64_t wall_us, int digits);

/* Parse RFC 3339 (offset or Z; a date alone is refused). False: it is not. */
bool clock_parse_iso(struct str s, int64_t *wall_us);

/* "900", "15m", "1h30m", "7d", "500ms" to microseconds. False: malformed. */
bool clock_parse_duration(struct str s, int64_t *us);

#endif
