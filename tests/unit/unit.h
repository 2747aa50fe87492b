#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"

/*
 * A unit test program is a list of properties:
 *
 *   START_TEST(property_in_words) { … } END_TEST
 *   UNIT("worker/mail/mime", property_in_words, …)
 *
 * It speaks TAP on standard output. Each test has the arena `a`, made anew.
 */
static struct arena *a __attribute__((unused));

static void
unit_begin(void)
{
	a = arena_new((size_t)32 << 20);
}

static void
unit_end(void)
{
	arena_free(&a);
}

static int __attribute__((unused))
unit_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, unit_begin, unit_end);
	tcase_set_timeout(t, 60);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_set_tap(r, "-");
	srunner_run_all(r, CK_SILENT);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
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
