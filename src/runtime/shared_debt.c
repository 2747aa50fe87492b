#include "runtime/shared_debt.h"

#include "base/clock.h"
#include "runtime/shared_count_private.h"

static void
write_name(struct shared_count_place *p, const struct shared_count *c)
{
	for (size_t i = 0; i < SHARED_COUNT_NAME / 8; i++) {
		struct str part = str_slice(c->name, i * 8, i * 8 + 8);
		uint64_t word = 0;

		if (part.n)
			memcpy(&word, part.p, part.n);
		atomic_store(&p->name[i], word);
	}
	atomic_store(&p->window, c->window);
}

void
shared_debt_note(struct shared_counts *t, const struct shared_count *c)
{
	_Atomic uint64_t *owes = &t->owes[c->place / 64];
	uint64_t bit = UINT64_C(1) << c->place % 64;

	if (!(atomic_load(owes) & bit)) {
		write_name(&t->place[c->place], c);
		atomic_fetch_or(owes, bit);
	}
	/* Whoever took it away may have been killed before he settled. */
	if (atomic_load(&t->owing) == 0)
		atomic_store(&t->owing, 1);
}

void
shared_debt_forget(struct shared_counts *t, size_t place)
{
	atomic_fetch_and(&t->owes[place / 64],
	    ~(UINT64_C(1) << place % 64));
}

static bool
read_name(const struct shared_counts *t, const struct shared_count_place *p,
    struct shared_debt *d)
{
	for (size_t i = 0; i < SHARED_COUNT_NAME / 8; i++) {
		uint64_t word = atomic_load(&p->name[i]);

		memcpy(d->name + i * 8, &word, sizeof(word));
	}
	d->name[SHARED_COUNT_NAME] = '\0';
	d->n = strlen(d->name);
	/* Somebody else may write his own meanwhile. */
	return is_of(d->owner, shared_count_hash(t,
	    (struct str){ d->name, d->n }));
}

/* The bucket of a number, of which it carries the last bits. */
static bool
bucket_of(struct shared_counts *t, uint64_t word, struct shared_debt *d)
{
	int64_t now = shared_count_now(t) / d->window;
	uint64_t off = (mark_in(word) - (uint64_t)now) & BUCKET_BITS;

	d->bucket = now + (int64_t)off;
	if (off > BUCKET_BITS / 2)
		d->bucket -= (int64_t)BUCKET_BITS + 1;
	return mark_in(word) == mark_of(d->owner, d->bucket);
}

bool
shared_debt_claim(struct shared_counts *t, size_t place,
    struct shared_debt *d)
{
	struct shared_count_place *p = &t->place[place];
	uint64_t sent, mine;

	*d = (struct shared_debt){ .place = place,
		.owner = atomic_load(&p->owner),
		.window = atomic_load(&p->window) };
	if (d->window <= 0 || !read_name(t, p, d))
		return false;
	do {
		uint64_t mark;

		sent = atomic_load(&p->sent);
		mine = atomic_load(&p->mine);
		if (!bucket_of(t, mine, d))
			return false;
		mark = mark_of(d->owner, d->bucket);
		d->owed = number(mine, mark) - number(sent, mark);
		if (mark_in(sent) == mark_of(d->owner, d->bucket + 1))
			d->owed = 0;
		if (d->owed == 0)
			return false;
	} while (!atomic_compare_exchange_weak(&p->sent, &sent, mine));
	return true;
}

bool
shared_debt_next(struct shared_counts *t, size_t *place)
{
	for (; *place < SHARED_COUNT_PLACES; ++*place) {
		uint64_t bit = UINT64_C(1) << *place % 64;
		_Atomic uint64_t *owes = &t->owes[*place / 64];

		if (*place % 64 == 0 && atomic_load(owes) == 0)
			*place += 63;
		else if (atomic_load(owes) & bit &&
		    atomic_fetch_and(owes, ~bit) & bit)
			return true;
	}
	return false;
}

/* Set a number, unless it is of a later bucket by now. */
static void
set_number(_Atomic uint64_t *to, uint64_t owner, int64_t bucket, long n)
{
	if (mark_in(atomic_load(to)) != mark_of(owner, bucket + 1))
		atomic_store(to, word_of(mark_of(owner, bucket), n));
}

/*
 * What all took in the bucket before: they do not know what this host took at
 * its very end.
 */
static void
raise_number(_Atomic uint64_t *to, uint64_t owner, int64_t bucket, long n)
{
	if (number(atomic_load(to), mark_of(owner, bucket)) < n)
		set_number(to, owner, bucket, n);
}

void
shared_debt_learn(struct shared_counts *t, const struct shared_debt *d,
    int64_t bucket, long others, long before)
{
	struct shared_count_place *p = &t->place[d->place];

	if (atomic_load(&p->owner) != d->owner)
		return;
	add_number(&p->told, d->owner, d->bucket, d->owed);
	if (others < 0 || before < 0)
		return;
	raise_number(&p->before, d->owner, bucket, before);
	set_number(&p->others, d->owner, bucket, others);
}

bool
shared_debt_due(struct shared_counts *t, int64_t every)
{
	int64_t now = clock_mono(), at;

	if (atomic_load_explicit(&t->owing, memory_order_relaxed) == 0)
		return false;
	at = atomic_load(&t->settled_at);
	if ((at <= now && now - at < every) ||
	    !atomic_compare_exchange_strong(&t->settled_at, &at, now))
		return false;
	atomic_store(&t->owing, 0);
	return true;
}
