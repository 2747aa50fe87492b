#include "runtime/shared_count.h"

#include <sodium.h>

#include "base/clock.h"
#include "runtime/shared_count_private.h"

#define SKEW (20 * CLOCK_MS) /* a clock that differs less is left alone */

int64_t
shared_count_now(struct shared_counts *t)
{
	int64_t mono = clock_mono(), ahead = atomic_load(&t->ahead), unset = 0;

	if (ahead == 0) {
		ahead = clock_wall() - mono;
		if (!atomic_compare_exchange_strong(&t->ahead, &unset, ahead))
			ahead = unset;
	}
	return mono + ahead;
}

void
shared_count_clock(struct shared_counts *t, int64_t theirs)
{
	int64_t off = theirs - shared_count_now(t);

	if (off > SKEW || off < -SKEW)
		atomic_store(&t->ahead, theirs - clock_mono());
}

void
shared_count_renew(struct shared_counts *t)
{
	uint64_t secret[2];

	randombytes_buf(secret, sizeof(secret));
	atomic_store(&t->secret[0], secret[0]);
	atomic_store(&t->secret[1], secret[1]);
	atomic_store(&t->ahead, 0);
	atomic_store(&t->settled_at, 0);
	atomic_store(&t->hosts, 0);
	sodium_memzero(secret, sizeof(secret));
}

uint64_t
shared_count_hash(const struct shared_counts *t, struct str name)
{
	uint64_t h[2], secret[] = { atomic_load(&t->secret[0]),
		atomic_load(&t->secret[1]) };

	crypto_shorthash_siphashx24((uint8_t *)h, (const uint8_t *)name.p,
	    name.n, (const uint8_t *)secret);
	return h[0];
}

/* The place that is worth least: nobody's, or the one that ends first. */
static struct shared_count_place *
least(struct shared_count_place *set)
{
	struct shared_count_place *p = set;

	for (int i = 1; i < SHARED_COUNT_WAYS; i++)
		if (atomic_load(&set[i].until) < atomic_load(&p->until))
			p = &set[i];
	return p;
}

static struct shared_count_place *
its_place(struct shared_count_place *set, uint64_t h, uint64_t *owner)
{
	for (int i = 0; i < SHARED_COUNT_WAYS; i++) {
		*owner = atomic_load(&set[i].owner);
		if (is_of(*owner, h))
			return &set[i];
	}
	return NULL;
}

/* Find whose place it is, or take one over; one exchange decides who. */
static struct shared_count_place *
find_place(struct shared_counts *t, struct shared_count *c)
{
	uint64_t h = shared_count_hash(t, c->name), was;
	struct shared_count_place *set, *p;

	set = &t->place[h % SHARED_COUNT_SETS * SHARED_COUNT_WAYS];
	while ((p = its_place(set, h, &c->owner)) == NULL) {
		p = least(set);
		was = atomic_load(&p->owner);
		c->owner = h >> LIFE << LIFE |
		    randombytes_random() >> (32 - LIFE);
		if (!is_of(was, h) && atomic_compare_exchange_strong(
		    &p->owner, &was, c->owner)) {
			atomic_store(&p->until, clock_mono() + 2 * c->window);
			shared_debt_forget(t, (size_t)(p - t->place));
			break;
		}
	}
	c->place = (size_t)(p - t->place);
	return p;
}

/* One window at one moment. */
struct view {
	int64_t bucket, passed; /* passed: µs of it */
	uint64_t mark;
	uint64_t word; /* as found, for the exchange */
	long mine, others, before;
};

/* The bucket by our clock, or the next where others are there already. */
static void
find_bucket(const struct shared_count_place *p, const struct shared_count *c,
    int64_t now, struct view *v)
{
	uint64_t next;

	v->bucket = now / c->window;
	v->passed = now % c->window;
	next = mark_of(c->owner, v->bucket + 1);
	if (mark_in(v->word) == next ||
	    mark_in(atomic_load(&p->others)) == next) {
		v->bucket++;
		v->passed = 0;
	}
	v->mark = mark_of(c->owner, v->bucket);
}

/* What all took in the bucket before, kept when the first one asks. */
static long
find_before(struct shared_count_place *p, const struct shared_count *c,
    const struct view *v)
{
	uint64_t was = atomic_load(&p->before);
	uint64_t last = mark_of(c->owner, v->bucket - 1);
	long n;

	if (mark_in(was) == v->mark)
		return number(was, v->mark);
	n = number(v->word, last) + number(atomic_load(&p->others), last);
	atomic_compare_exchange_strong(&p->before, &was,
	    word_of(v->mark, n));
	return n;
}

static struct view
look(struct shared_counts *t, struct shared_count_place *p,
    const struct shared_count *c)
{
	struct view v = { .word = atomic_load(&p->mine) };

	find_bucket(p, c, shared_count_now(t), &v);
	v.before = find_before(p, c, &v);
	v.mine = number(v.word, v.mark);
	v.others = number(atomic_load(&p->others), v.mark);
	return v;
}

/* What of the window is taken: the older bucket weighs less and less. */
static double
used(const struct shared_count *c, const struct view *v)
{
	return (double)v->mine + (double)v->others + (double)v->before *
	    (double)(c->window - v->passed) / (double)c->window;
}

/* How long until one more fits; as limit.lua. */
static int64_t
wait_of(const struct shared_count *c, const struct view *v)
{
	long room = c->max - 1 - v->mine - v->others, older = v->before;
	int64_t wait = 0, passed = v->passed;
	double share;

	if (room < 0) {
		wait = c->window - passed;
		older = v->mine + v->others;
		room = c->max - 1;
		passed = 0;
	}
	if (room < 0)
		return 2 * c->window;
	if (older <= room)
		return wait > 0 ? wait : 1;
	share = 1 - (double)room / (double)older;
	wait += (int64_t)(share * (double)c->window) - passed + CLOCK_MS;
	return wait > 0 ? wait : 1;
}

static void
describe(struct shared_counts *t, struct shared_count *c,
    const struct view *v, bool taken)
{
	double rest = (double)c->max - used(c, v) - taken;
	uint64_t told = atomic_load(&t->place[c->place].told);

	c->remaining = rest > 0 ? (long)rest : 0;
	c->wait = taken ? 0 : wait_of(c, v);
	c->reset = clock_wall() + c->window - v->passed;
	c->owed = v->mine + taken - number(told, v->mark);
}

bool
shared_count_take(struct shared_counts *t, struct shared_count *c)
{
	struct shared_count_place *p = find_place(t, c);
	int64_t until = clock_mono() + 2 * c->window;
	struct view v;

	do {
		v = look(t, p, c);
		if (used(c, &v) + 1 > (double)c->max) {
			describe(t, c, &v, false);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&p->mine, &v.word,
	    word_of(v.mark, v.mine + 1)));
	describe(t, c, &v, true);
	if (until - atomic_load(&p->until) > c->window / 8)
		atomic_store(&p->until, until);
	shared_debt_note(t, c);
	return true;
}

bool
shared_count_fits(struct shared_counts *t, struct shared_count *c)
{
	struct shared_count_place *p = &t->place[c->place];
	struct view v = look(t, p, c);
	bool fits = v.mine == 0 || used(c, &v) <= (double)c->max;

	if (!fits) {
		add_number(&p->mine, c->owner, v.bucket, -1);
		v.mine--;
	}
	describe(t, c, &v, false);
	if (!fits)
		shared_debt_note(t, c);
	return fits;
}
