/* Windows of a host: exact for all its processes, settled with others. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "runtime/shared_debt.h"

#include "tests/unit/unit.h"

#define HOUR (3600 * CLOCK_SECOND)
#define PROCESSES 8

static struct shared_counts *
counts(void)
{
	struct shared_counts *t = mmap(NULL, sizeof(*t),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(t, MAP_FAILED);
	ck_assert(sodium_init() >= 0);
	shared_count_renew(t);
	/* the middle of an hour, whatever the real one is */
	atomic_store(&t->ahead, 500000 * HOUR + HOUR / 2 - clock_mono());
	return t;
}

static struct shared_count
of(const char *name, long max)
{
	return (struct shared_count){ .name = str_of(name), .max = max,
		.window = HOUR };
}

static void
pass_by(struct shared_counts *t, int64_t time)
{
	atomic_fetch_add(&t->ahead, time);
}

static long
take_all(struct shared_counts *t, struct shared_count *c)
{
	long n = 0;

	while (shared_count_take(t, c))
		n++;
	return n;
}

static int
place_of(struct shared_counts *t, struct shared_debt *d)
{
	size_t place = 0;

	if (!shared_debt_next(t, &place) || !shared_debt_claim(t, place, d))
		return 0;
	return 1;
}

START_TEST(so_many_and_no_more)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100), other = of("user:bob", 1);

	for (long i = 1; i <= 100; i++) {
		ck_assert(shared_count_take(t, &c));
		ck_assert_int_eq(c.remaining, 100 - i);
		ck_assert_int_eq(c.owed, i);
	}
	ck_assert(!shared_count_take(t, &c));
	ck_assert_int_eq(c.remaining, 0);
	ck_assert_int_gt(c.wait, HOUR / 2 - CLOCK_SECOND);
	ck_assert_int_lt(c.wait, HOUR);
	ck_assert(shared_count_take(t, &other));
}
END_TEST

START_TEST(the_older_bucket_weighs_less_and_less)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);

	ck_assert_int_eq(take_all(t, &c), 100);
	pass_by(t, c.wait);
	ck_assert(shared_count_take(t, &c));
	ck_assert(!shared_count_take(t, &c));
	pass_by(t, HOUR / 2);
	/* the bucket before weighs about a half */
	ck_assert_int_le(llabs(take_all(t, &c) - 50), 2);
	pass_by(t, 2 * HOUR);
	ck_assert_int_eq(take_all(t, &c), 100);
}
END_TEST

START_TEST(after_the_wait_there_is_room)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 7);

	for (int i = 0; i < 50; i++) {
		take_all(t, &c);
		pass_by(t, c.wait);
		ck_assert(shared_count_take(t, &c));
	}
}
END_TEST

/* All at once, in many processes, of which some are killed. */
START_TEST(processes_share_one_number)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 20000);
	pid_t pid[PROCESSES];
	long *taken = mmap(NULL, sizeof(long) * PROCESSES,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long sum = 0;

	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			while (shared_count_take(t, &c))
				taken[i]++;
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES / 2; i++)
		kill(pid[i], SIGKILL);
	for (int i = 0; i < PROCESSES; i++) {
		waitpid(pid[i], NULL, 0);
		sum += taken[i];
	}
	sum += take_all(t, &c);
	ck_assert_int_le(sum, 20000);
	/* one that was killed may have taken what it did not write down */
	ck_assert_int_ge(sum, 20000 - PROCESSES / 2);
}
END_TEST

START_TEST(a_debt_is_claimed_once)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);
	struct shared_debt d, again;

	ck_assert(shared_count_take(t, &c));
	ck_assert(shared_count_take(t, &c));
	ck_assert(place_of(t, &d));
	ck_assert_str_eq(d.name, "user:ann");
	ck_assert_int_eq(d.owed, 2);
	ck_assert_int_eq(d.window, HOUR);
	ck_assert_int_eq(d.bucket, 500000);
	ck_assert(!place_of(t, &again));
	ck_assert(!shared_debt_claim(t, d.place, &again));
	/* on its way it is owed still */
	ck_assert(shared_count_take(t, &c));
	ck_assert_int_eq(c.owed, 3);
	shared_debt_learn(t, &d, d.bucket, 10, 0);
	ck_assert(place_of(t, &again));
	ck_assert_int_eq(again.owed, 1);
}
END_TEST

START_TEST(what_others_took_counts)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);
	struct shared_debt d;

	ck_assert(shared_count_take(t, &c));
	ck_assert(place_of(t, &d));
	shared_debt_learn(t, &d, d.bucket, 90, 10);
	/* a half of ten is left of the bucket before */
	ck_assert_int_le(llabs(take_all(t, &c) - 4), 1);
	ck_assert_int_le(c.owed, 5);
}
END_TEST

START_TEST(what_does_not_fit_after_all_is_given_back)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);
	struct shared_debt d;

	ck_assert(shared_count_take(t, &c));
	ck_assert(shared_count_fits(t, &c));
	ck_assert(place_of(t, &d));
	shared_debt_learn(t, &d, d.bucket, 100, 0);
	ck_assert(!shared_count_fits(t, &c));
	ck_assert_int_gt(c.wait, 0);
	ck_assert(place_of(t, &d));
	ck_assert_int_eq(d.owed, -1);
}
END_TEST

/* The others' bucket is a later one than ours: we are there, too. */
START_TEST(a_clock_that_is_behind_follows)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);
	struct shared_debt d;

	for (int i = 0; i < 40; i++)
		ck_assert(shared_count_take(t, &c));
	ck_assert(place_of(t, &d));
	shared_debt_learn(t, &d, d.bucket + 1, 1, 40);
	ck_assert(shared_count_take(t, &c));
	ck_assert_int_eq(c.remaining, 58);
	shared_count_clock(t, 500009 * HOUR);
	ck_assert_int_eq(take_all(t, &c), 100);
}
END_TEST

/* What was taken at its very end, and not told, still counts here. */
START_TEST(the_bucket_before_is_not_forgotten)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);
	struct shared_debt d;

	for (int i = 0; i < 40; i++)
		ck_assert(shared_count_take(t, &c));
	atomic_store(&t->ahead, 500001 * HOUR - clock_mono());
	ck_assert(shared_count_take(t, &c));
	ck_assert(place_of(t, &d));
	shared_debt_learn(t, &d, d.bucket, 0, 30);
	ck_assert(shared_count_take(t, &c));
	ck_assert_int_le(c.remaining, 100 - 2 - 39);
	/* of others there may have been more */
	shared_debt_learn(t, &d, d.bucket, 0, 60);
	ck_assert(shared_count_take(t, &c));
	ck_assert_int_le(c.remaining, 100 - 3 - 59);
}
END_TEST

START_TEST(what_is_lost_is_not_told_again)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);
	struct shared_debt d;

	ck_assert(shared_count_take(t, &c));
	ck_assert(place_of(t, &d));
	shared_debt_learn(t, &d, 0, -1, -1);
	ck_assert(shared_count_take(t, &c));
	ck_assert_int_eq(c.owed, 1);
	ck_assert_int_eq(c.remaining, 98);
}
END_TEST

/* Thousands of others push a window out; it begins anew, and is bounded. */
START_TEST(many_names_need_no_more_room)
{
	struct shared_counts *t = counts();
	size_t debts = 0;
	struct shared_debt d;

	for (int i = 0; i < 5 * SHARED_COUNT_PLACES; i++) {
		struct shared_count c = of(arena_fmt(a, "user:%d", i).p, 2);

		ck_assert(shared_count_take(t, &c));
		ck_assert(shared_count_take(t, &c));
		ck_assert(!shared_count_take(t, &c));
	}
	for (size_t i = 0; shared_debt_next(t, &i);)
		debts += shared_debt_claim(t, i, &d);
	ck_assert_uint_le(debts, SHARED_COUNT_PLACES);
	ck_assert_uint_gt(debts, SHARED_COUNT_PLACES / 2);
}
END_TEST

START_TEST(one_of_many_settles)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);

	ck_assert(!shared_debt_due(t, 0));
	ck_assert(shared_count_take(t, &c));
	ck_assert(shared_debt_due(t, HOUR / 4) ||
	    clock_mono() < HOUR / 4);
	ck_assert(shared_count_take(t, &c));
	ck_assert(!shared_debt_due(t, HOUR));
}
END_TEST

/* It was to settle, and did not come to it. */
START_TEST(who_is_killed_before_he_settles_leaves_it_to_others)
{
	struct shared_counts *t = counts();
	struct shared_count c = of("user:ann", 100);
	struct shared_debt d;

	ck_assert(shared_count_take(t, &c));
	ck_assert(shared_debt_due(t, 0));
	ck_assert(shared_count_take(t, &c));
	ck_assert(shared_debt_due(t, 0));
	ck_assert(place_of(t, &d));
	ck_assert_int_eq(d.owed, 2);
}
END_TEST

UNIT("runtime/shared_count", so_many_and_no_more,
    the_older_bucket_weighs_less_and_less, after_the_wait_there_is_room,
    processes_share_one_number, a_debt_is_claimed_once,
    what_others_took_counts, what_does_not_fit_after_all_is_given_back,
    a_clock_that_is_behind_follows, the_bucket_before_is_not_forgotten,
    what_is_lost_is_not_told_again, many_names_need_no_more_room,
    one_of_many_settles, who_is_killed_before_he_settles_leaves_it_to_others)
