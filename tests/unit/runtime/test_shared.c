/* The file that all processes of a host map: whose it is, and of when. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/shared.h"

#include "tests/unit/unit.h"

static char dir[64], path[80];

static void
begin(void)
{
	unit_begin();
	ck_assert(sodium_init() >= 0);
	log_open("test", "/dev/null", LOG_ERROR_);
	snprintf(dir, sizeof(dir), "/tmp/postern-shared.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/shared", dir);
}

static void
end(void)
{
	unlink(path);
	rmdir(dir);
	unit_end();
}

static void
make_file(mode_t mode)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(processes_have_the_same)
{
	struct shared *one = shared_open(dir), *two = shared_join(dir);
	struct stat st;

	ck_assert(!one->alone && !two->alone && one != two);
	atomic_store(&one->requests, 7);
	ck_assert_uint_eq(atomic_load(&two->requests), 7);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	/* a full file system must not show later */
	ck_assert_int_ge(st.st_blocks * 512, (long)sizeof(struct shared));
}
END_TEST

/* Whoever can write there says who is logged in. */
START_TEST(a_file_that_others_can_open_is_not_used)
{
	const mode_t mode[] = { 0660, 0606, 0640, 0604 };

	for (int i = 0; i < 4; i++) {
		make_file(mode[i]);
		ck_assert(shared_open(dir)->alone);
		ck_assert(shared_join(dir)->alone);
	}
	make_file(0600);
	ck_assert(!shared_open(dir)->alone);
}
END_TEST

START_TEST(a_file_of_somebody_else_is_not_used)
{
	make_file(0600);
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(path, 65534, 65534), 0);
	ck_assert(shared_open(dir)->alone);
	/* root works on the memory of a service that is not its own */
	ck_assert(!shared_join(dir)->alone);
}
END_TEST

START_TEST(what_is_no_file_is_not_used)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert(shared_open(dir)->alone);
	unlink(path);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	ck_assert(shared_open(dir)->alone);
	unlink(path);
	ck_assert(shared_join(dir)->alone); /* no service runs */
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

static bool
is_kept(struct shared *s, const uint8_t *name)
{
	uint8_t room[SHARED_TABLE_ROOM];

	return shared_table_get(&s->proved, name, room) == 4;
}

START_TEST(what_was_known_before_the_machine_started_is_forgotten)
{
	struct shared *s = shared_open(dir);
	uint8_t name[SHARED_TABLE_NAME];

	ck_assert(shared_table_name(&s->proved, STR("here"), STR("t"), name));
	shared_table_put(&s->proved, name, STR("what"));
	atomic_store(&s->changes_asked, 1);
	/* a clock that runs a little faster or slower is no start */
	atomic_fetch_add(&s->boot, CLOCK_SECOND);
	ck_assert(is_kept(shared_open(dir), name));
	atomic_fetch_sub(&s->boot, 60 * CLOCK_SECOND);
	ck_assert(!is_kept(shared_open(dir), name));
	ck_assert_int_eq(atomic_load(&s->changes_asked), 0);
}
END_TEST

/* posternctl forget: in all processes at once. */
START_TEST(what_is_forgotten_is_forgotten_by_all)
{
	struct shared *one = shared_open(dir), *two = shared_join(dir);
	struct shared_count c = { .name = STR("user:ann"), .max = 2,
		.window = 3600 * CLOCK_SECOND };
	uint8_t name[SHARED_TABLE_NAME];

	ck_assert(shared_table_name(&one->proved, STR("here"), STR("t"),
	    name));
	shared_table_put(&one->proved, name, STR("what"));
	while (shared_count_take(&one->counts, &c))
		continue;
	ck_assert(is_kept(two, name));
	shared_forget(two);
	ck_assert(!is_kept(one, name));
	ck_assert(shared_count_take(&one->counts, &c));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		processes_have_the_same,
		a_file_that_others_can_open_is_not_used,
		a_file_of_somebody_else_is_not_used,
		what_is_no_file_is_not_used,
		what_was_known_before_the_machine_started_is_forgotten,
		what_is_forgotten_is_forgotten_by_all,
	};
	Suite *s = suite_create("runtime/shared");
	TCase *t = tcase_create("shared");

	tcase_add_checked_fixture(t, begin, end);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return unit_run_suite(s);
}
