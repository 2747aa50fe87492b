#ifndef RUNTIME_SHARED_DEBT_H
#define RUNTIME_SHARED_DEBT_H

#include "runtime/shared_count.h"

/* What a place owes to the other hosts. */
struct shared_debt {
	size_t place;
	uint64_t owner;
	char name[SHARED_COUNT_NAME + 1];
	size_t n;
	int64_t window; /* µs */
	int64_t bucket;
	long owed; /* below zero: given back */
};

/*
 * Take over what a place owes, so that nobody else tells it. False: nothing,
 * or somebody else does; d then owes 0, and has no bucket where the place is
 * nobody's.
 */
bool shared_debt_claim(struct shared_counts *t, size_t place,
    struct shared_debt *d);

/* The next place from *place on that owes; its mark is taken away. */
bool shared_debt_next(struct shared_counts *t, size_t *place);

/*
 * A debt has arrived, and this is what the others say: of the bucket that is
 * theirs by now, all but ours, and all of the one before. Below zero: it was
 * lost on the way, which is not told again.
 */
void shared_debt_learn(struct shared_counts *t, const struct shared_debt *d,
    int64_t bucket, long others, long before);

/* Is there a debt, and was the last settling so long ago? True for one. */
bool shared_debt_due(struct shared_counts *t, int64_t every);

#endif
