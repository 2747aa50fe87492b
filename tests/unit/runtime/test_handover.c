/* A picture's way from a web process to the one that stores it. */
#include "runtime/handover.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char dir[] = "/tmp/postern-handover-XXXXXX";

static const struct handover_order order = { .what = HANDOVER_PUT, .side = 9,
	.key = "profile-pictures/u/1.jpg" };

START_TEST(bytes_arrive_as_they_were_and_the_answer_comes_back)
{
	struct handover_order got;
	struct handover_answer answer = { .end = HANDOVER_DONE, .width = 3 };
	int fd, asked, reply, file;
	char bytes[9] = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(handover_begin(dir, &order, STR("x")), -1);
	ck_assert_int_eq(errno, ENOENT);
	fd = handover_listen(dir);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(handover_listen(dir), -1);
	ck_assert(!handover_take(fd, &got, &reply, &file));
	asked = handover_begin(dir, &order, STR("a\0picture"));
	ck_assert_int_ge(asked, 0);
	ck_assert(handover_take(fd, &got, &reply, &file));
	ck_assert_mem_eq(&got, &order, sizeof(got));
	ck_assert_int_eq(pread(file, bytes, sizeof(bytes), 0), 9);
	ck_assert_mem_eq(bytes, "a\0picture", 9);
	ck_assert_int_eq(write(reply, &answer, sizeof(answer)),
	    sizeof(answer));
	ck_assert(handover_wait(asked, 1000, &answer));
	ck_assert_uint_eq(answer.width, 3);
	close(reply);
	/* Who took the order died without an answer. */
	ck_assert(!handover_wait(asked, 1000, &answer));
	ck_assert_uint_eq(answer.end, 0);
	close(asked);
	close(file);
	handover_close(dir, fd);
	rmdir(dir);
}
END_TEST

/* Row MU5. */
START_TEST(a_key_leads_nowhere_else)
{
	static const char *const bad[] = { "", "/etc/passwd", "../x.jpg",
		"a/../b.jpg", "a/..jpg", "a", "a/.jpg", ".jpg", "a b.jpg",
		"a%2f.jpg", "a.b.jpg", "a\n.jpg", "a?.jpg" };
	char long_key[HANDOVER_KEY + 1];

	ck_assert(handover_key_good("cover-photos/0198-ab/0f.webp"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!handover_key_good(bad[i]), "%s", bad[i]);
	memset(long_key, 'a', sizeof(long_key));
	memcpy(long_key + HANDOVER_KEY - 5, ".jpg", 5);
	ck_assert(handover_key_good(long_key));
	memset(long_key, 'a', sizeof(long_key));
	ck_assert(!handover_key_good(long_key));
}
END_TEST

UNIT("runtime/handover", bytes_arrive_as_they_were_and_the_answer_comes_back,
    a_key_leads_nowhere_else)
