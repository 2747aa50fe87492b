/* Who failed comes back later, and not with all others. */
#include "base/backoff.h"
#include "tests/unit/unit.h"

START_TEST(pauses_double_up_to_the_last)
{
	int64_t pause = 0;
	static const int64_t want[] = { 100, 200, 400, 800, 1000, 1000 };

	for (int i = 0; i < 6; i++) {
		pause = backoff_longer(pause, 100, 1000);
		ck_assert_int_eq(pause, want[i]);
		ck_assert_int_eq(backoff_after(i, 100, 1000), want[i]);
	}
	ck_assert_int_eq(backoff_after(-1, 100, 1000), 100);
	ck_assert_int_eq(backoff_after(2, 100, 400), 400);
	ck_assert_int_eq(backoff_after(0, 100, 50), 50);
}
END_TEST

START_TEST(no_number_of_failures_overflows)
{
	ck_assert_int_eq(backoff_after(1000000, 1, INT64_MAX), INT64_MAX);
	ck_assert_int_eq(backoff_longer(INT64_MAX, 1, INT64_MAX), INT64_MAX);
	ck_assert_int_eq(backoff_longer(INT64_MAX - 1, 1, INT64_MAX),
	    INT64_MAX);
}
END_TEST

START_TEST(a_spread_stays_within_its_bounds)
{
	const int64_t hours = INT64_C(24) * 3600 * 1000000;
	int64_t low = INT64_MAX, high = 0;

	for (int i = 0; i < 10000; i++) {
		int64_t t = backoff_about(hours);

		ck_assert_int_ge(t, hours / 5 * 4);
		ck_assert_int_lt(t, hours / 5 * 6);
		low = t < low ? t : low;
		high = t > high ? t : high;
		t = backoff_within(50, 100);
		ck_assert_int_ge(t, 50);
		ck_assert_int_lt(t, 100);
	}
	/* All of it is used: a spread that stays in the middle is none. */
	ck_assert_int_lt(low, hours / 20 * 17);
	ck_assert_int_gt(high, hours / 20 * 23);
	ck_assert_int_eq(backoff_within(7, 7), 7);
	ck_assert_int_eq(backoff_within(7, 6), 7);
}
END_TEST

UNIT("base/backoff", pauses_double_up_to_the_last,
    no_number_of_failures_overflows, a_spread_stays_within_its_bounds)
