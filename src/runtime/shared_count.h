#ifndef RUNTIME_SHARED_COUNT_H
#define RUNTIME_SHARED_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Sliding windows in memory that all processes of a host share: what was taken
 * here, exactly, and what the other hosts took as far as it is known. Like
 * limit.lua a window is estimated from two buckets of its length.
 *
 * Nobody locks. Each number is one atomic word that carries whose and of which
 * bucket it is; what carries anything else counts as 0. So a place is taken
 * over, and a bucket begun, by one exchange, and a process may be killed
 * anywhere: it leaves at most one of its own behind uncounted. A window whose
 * place was taken over begins anew.
 */
#define SHARED_COUNT_SETS 1024
#define SHARED_COUNT_WAYS 4
#define SHARED_COUNT_PLACES (SHARED_COUNT_SETS * SHARED_COUNT_WAYS)
#define SHARED_COUNT_NAME 64 /* bytes */

struct shared_counts {
	_Atomic uint64_t secret[2];
	_Atomic int64_t ahead; /* their clock less our monotonic; 0: unset */
	_Atomic int64_t settled_at; /* monotonic µs */
	_Atomic int64_t hosts; /* that share the windows; 0: unknown */
	_Atomic uint64_t owing; /* some bit of owes is set */
	_Atomic uint64_t owes[SHARED_COUNT_PLACES / 64];
	struct shared_count_place {
		_Atomic uint64_t owner;	 /* 40 bits of whose, 24 of a life */
		_Atomic uint64_t mine;	 /* taken here in this bucket */
		_Atomic uint64_t sent;	 /* of these, on their way */
		_Atomic uint64_t told;	 /* of these, arrived or lost */
		_Atomic uint64_t others; /* what the others took in it */
		_Atomic uint64_t before; /* what all took in the one before */
		_Atomic int64_t window;	 /* µs */
		_Atomic int64_t until;	 /* monotonic µs: worth nothing then */
		_Atomic uint64_t name[SHARED_COUNT_NAME / 8];
	} place[SHARED_COUNT_PLACES];
};

/* One window of somebody. */
struct shared_count {
	struct str name; /* "user:…", at most SHARED_COUNT_NAME bytes, no NUL */
	long max;	 /* above 33 millions it is never reached */
	int64_t window;	 /* µs, at least 1 s */
	/* filled by taking */
	size_t place;
	uint64_t owner;
	long remaining;
	int64_t wait;	 /* when refused: µs until there is room */
	int64_t reset;	 /* wall µs at which the bucket ends */
	long owed;	 /* taken here, and not yet known to the others */
};

/* Forget all: the secret is drawn anew, clock and hosts are unknown. */
void shared_count_renew(struct shared_counts *t);

/* Take one. False: there is no room. */
bool shared_count_take(struct shared_counts *t, struct shared_count *c);

/*
 * Is there still room for what was taken, now that more is known? If not, it
 * is given back.
 */
bool shared_count_fits(struct shared_counts *t, struct shared_count *c);

/* Their clock, in µs since 1970. */
void shared_count_clock(struct shared_counts *t, int64_t theirs);

#endif
