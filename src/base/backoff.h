#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

/*
 * How long to leave alone what failed: `first`, then twice as long each time,
 * `last` at most. All in microseconds; first is above 0.
 */

/* After so many failures before this one; below 0 counts as 0. */
int64_t backoff_after(int failures, int64_t first, int64_t last);

/* After a pause that did not help; 0: there was none. */
int64_t backoff_longer(int64_t pause, int64_t first, int64_t last);

/*
 * A random time within [from, to): those who failed at one moment do not come
 * back at one moment. Beyond an hour in steps of a millisecond.
 */
int64_t backoff_within(int64_t from, int64_t to);

/* t, a fifth more or less. */
int64_t backoff_about(int64_t t);

#endif
