#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <stdlib.h>

#include <check.h>

#include "base/arena.h"

/*
 * A unit test program is a list of properties:
 *
 *   START_TEST(property_in_words) { … } END_TEST
 *   UNIT("worker/mail/mime", property_in_words, …)
 *
 * It speaks TAP on standard output. Each test has a process of its own, and the
 * arena `a`, made anew. What needs other fixtures, or tests in a loop, makes its
 * Suite itself and hands it to unit_run_suite.
 */
static struct arena *a __attribute__((unused));

static inline void
unit_begin(void)
{
	a = arena_new((size_t)32 << 20);
}

static inline void
unit_end(void)
{
	arena_free(&a);
}

/* Run all of s; the exit status of the program. */
static inline int
unit_run_suite(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_set_tap(r, "-");
	srunner_run_all(r, CK_SILENT);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int
unit_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, unit_begin, unit_end);
	tcase_set_timeout(t, 60);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return unit_run_suite(s);
}

#define UNIT(name, ...) \
	int \
	main(void) \
	{ \
		const TTest *list[] = { __VA_ARGS__ }; \
		return unit_run((name), list, \
		    sizeof(list) / sizeof(list[0])); \
	}

/* Bytes of a struct str against a C string. */
#define ck_str(s, want) \
	do { \
		struct str got_ = (s); \
		ck_assert_msg(str_eq(got_, str_of(want)), \
		    "got \"%.*s\", want \"%s\"", STR_FMT(got_), (want)); \
	} while (0)

#endif
