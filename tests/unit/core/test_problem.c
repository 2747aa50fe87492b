/* What a rule tells of its error. */
#include "tests/unit/unit.h"

#include "base/clock.h"
#include "core/problem.h"

START_TEST(a_problem_is_shown_with_its_own_error_only)
{
	struct ctx x = { 0 };

	ck_assert_int_eq(problem_say(&x, E_CONFLICT, "It is taken"), E_CONFLICT);
	ck_assert_str_eq(problem_of(&x, E_CONFLICT).sentence, "It is taken");
	ck_assert_ptr_null(problem_of(&x, E_NOT_FOUND).sentence);
	ck_assert_ptr_null(problem_of(&x, E_OK).sentence);
}
END_TEST

START_TEST(nothing_is_left_of_the_problem_before)
{
	struct ctx x = { 0 };
	struct problem p;

	problem_later(&x, E_LIMITED, 5 * CLOCK_SECOND, "Wait");
	ck_assert_int_eq(problem_field(&x, "name", "must not be empty"),
	    E_VALIDATION);
	ck_assert_int_eq(problem_of(&x, E_LIMITED).retry_after, 0);
	p = problem_of(&x, E_VALIDATION);
	ck_assert_str_eq(p.field, "name");
	ck_assert_int_eq(p.retry_after, 0);
	problem_say(&x, E_VALIDATION, "No");
	ck_assert_ptr_null(problem_of(&x, E_VALIDATION).field);
}
END_TEST

START_TEST(a_time_to_wait_is_whole_seconds_and_never_too_short)
{
	struct ctx x = { 0 };
	const int64_t us[] = { -1, 0, 1, 1000000, 1000001, 59999999 };
	const long seconds[] = { 1, 1, 1, 1, 2, 60 };

	for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++) {
		ck_assert_int_eq(problem_later(&x, E_LOCKED, us[i], NULL),
		    E_LOCKED);
		ck_assert_int_eq(problem_of(&x, E_LOCKED).retry_after,
		    seconds[i]);
	}
}
END_TEST

START_TEST(people_read_how_long_to_wait)
{
	struct ctx x = { .arena = a };

	ck_assert_int_eq(problem_wait(&x, E_LOCKED, 899500000, "Locked."),
	    E_LOCKED);
	ck_assert_str_eq(problem_of(&x, E_LOCKED).sentence,
	    "Locked. Please try again in 15m0s");
	ck_assert_int_eq(problem_of(&x, E_LOCKED).retry_after, 900);
}
END_TEST

UNIT("core/problem",
    a_problem_is_shown_with_its_own_error_only,
    nothing_is_left_of_the_problem_before,
    a_time_to_wait_is_whole_seconds_and_never_too_short,
    people_read_how_long_to_wait)
