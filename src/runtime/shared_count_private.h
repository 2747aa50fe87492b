#ifndef RUNTIME_SHARED_COUNT_PRIVATE_H
#define RUNTIME_SHARED_COUNT_PRIVATE_H

#include "runtime/shared_count.h"

/* The words of a window, for shared_count.c and shared_debt.c. */

#define LIFE 24		     /* bits of an owner that say which life it is */
#define OWNER 20	     /* bits in a word: of the owner, */
#define BUCKET 18	     /* of the bucket's number, */
#define NUMBER 26	     /* and the number itself, with its sign */
#define OWNER_BITS ((UINT64_C(1) << OWNER) - 1)
#define BUCKET_BITS ((UINT64_C(1) << BUCKET) - 1)
#define NUMBER_BITS ((UINT64_C(1) << NUMBER) - 1)
#define MOST ((1L << (NUMBER - 1)) - 1) /* counted no further */

_Static_assert(OWNER + BUCKET + NUMBER == 64, "word");

/*
 * To what a number belongs. A bucket whose bits come round (after three days,
 * at a second each) may find an old number and be full too early, once.
 */
static inline uint64_t
mark_of(uint64_t owner, int64_t bucket)
{
	uint64_t folded = owner ^ owner >> 20 ^ owner >> 40;

	return (folded & OWNER_BITS) << BUCKET |
	    ((uint64_t)bucket & BUCKET_BITS);
}

static inline uint64_t
mark_in(uint64_t word)
{
	return word >> NUMBER;
}

static inline long
number(uint64_t word, uint64_t mark)
{
	long n = (long)(word & NUMBER_BITS);

	if (mark_in(word) != mark)
		return 0;
	return n > MOST ? n - (1L << NUMBER) : n;
}

static inline uint64_t
word_of(uint64_t mark, long n)
{
	return mark << NUMBER | ((uint64_t)(n > MOST ? MOST : n) & NUMBER_BITS);
}

static inline bool
is_of(uint64_t owner, uint64_t h)
{
	return owner >> LIFE == h >> LIFE;
}

/* Add to a number of this mark, unless it is of a later bucket. */
static inline void
add_number(_Atomic uint64_t *to, uint64_t owner, int64_t bucket, long n)
{
	uint64_t mark = mark_of(owner, bucket);
	uint64_t was = atomic_load(to);

	do
		if (mark_in(was) == mark_of(owner, bucket + 1))
			return;
	while (!atomic_compare_exchange_weak(to, &was,
	    word_of(mark, number(was, mark) + n)));
}

/* The clock of the windows, in µs since 1970. */
int64_t shared_count_now(struct shared_counts *t);

/* Of a name; keyed, so that nobody finds names that meet in one set. */
uint64_t shared_count_hash(const struct shared_counts *t, struct str name);

/* Write down that a place owes, once until somebody settles it. */
void shared_debt_note(struct shared_counts *t, const struct shared_count *c);

/* The place is another's from now on, and owes nothing. */
void shared_debt_forget(struct shared_counts *t, size_t place);

#endif
