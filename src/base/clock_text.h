#ifndef BASE_CLOCK_TEXT_H
#define BASE_CLOCK_TEXT_H

#include "base/arena.h"
#include "base/clock.h"

/*
 * Times and durations as text in an arena. Apart from base/clock.h, which the
 * log needs, which the arena needs.
 */

/* clock_text with milliseconds: 2026-01-02T03:04:05.678Z. */
struct str clock_iso(struct arena *a, int64_t wall_us);

/* Go's notation of whole seconds: 15m0s, 1h0m0s, 42s (row RL13). */
struct str clock_go_duration(struct arena *a, int64_t us);

#endif
