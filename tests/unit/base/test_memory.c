/* Where there is no memory a process ends; its parent starts another. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/unit.h"

START_TEST(what_is_new_is_zero_and_what_grows_is_kept)
{
	char *p = memory_new("a test", 3, 5), *copy;

	for (int i = 0; i < 15; i++)
		ck_assert_int_eq(p[i], 0);
	memcpy(p, "kept", 5);
	p = memory_grow("a test", p, 1000, 10);
	ck_assert_str_eq(p, "kept");
	copy = memory_copy("a test", p);
	ck_assert_str_eq(copy, "kept");
	free(copy);
	p = memory_grow_secret("a test", p, 5, 20000);
	ck_assert_str_eq(p, "kept");
	ck_assert_int_eq(p[19999], 0);
	memory_free_secret(p, 20000);
	memory_free_secret(NULL, 0);
	p = memory_grow_secret("a test", NULL, 0, 1);
	ck_assert_int_eq(*p, 0);
	free(p);
}
END_TEST

/* Both exit; a return would end the test with 0. */
START_TEST(an_allocation_that_fails_ends_the_process)
{
	size_t huge = SIZE_MAX / 2;

	if (_i == 0)
		free(memory_new("a test", huge, 4));
	else
		free(memory_grow("a test", NULL, huge, 4));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base/memory");
	TCase *t = tcase_create("base/memory");

	tcase_add_test(t, what_is_new_is_zero_and_what_grows_is_kept);
	tcase_add_loop_exit_test(t, an_allocation_that_fails_ends_the_process,
	    MEMORY_EXIT, 0, 2);
	suite_add_tcase(s, t);
	return unit_run_suite(s);
}
