/* Bytes, their text forms, clocks and the log: what all else stands on. */
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/pid.h"
#include "base/text.h"
#include "tests/unit/unit.h"

/* Row CC1. */
START_TEST(a_piece_never_reaches_past_its_whole)
{
	struct str s = STR("abc"), rest = STR("a,,b"), piece;
	static const char *const pieces[] = { "a", "", "b" };

	ck_str(str_slice(s, 1, 100), "bc");
	ck_assert_uint_eq(str_slice(s, 100, 200).n, 0);
	ck_assert_uint_eq(str_slice(s, 2, 1).n, 0);
	ck_assert_uint_eq(str_find(s, 'x'), s.n);
	ck_assert_uint_eq(str_slice(STR_NONE, 0, 5).n, 0);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(str_split(&rest, ',', &piece));
		ck_str(piece, pieces[i]);
	}
	ck_assert(!str_split(&rest, ',', &piece));
	ck_assert(str_holds(STR("a, bc"), ',', STR("bc")));
	ck_assert(!str_holds(STR("a, bc"), ',', STR("b")));
	ck_assert(!str_holds(STR_NONE, ',', STR("b")));
}
END_TEST

/* No two processes draw the same id, and each knows its own number. */
START_TEST(a_child_of_a_fork_takes_nothing_for_its_own)
{
	struct uuid before = uuid_v7(), here, there;
	pid_t self = pid_self(), child;
	int fds[2], status;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		there = uuid_v7();
		_exit(pid_self() == getpid() && pid_self() != self &&
		    write(fds[1], &there, sizeof(there)) == sizeof(there) ?
		    0 : 1);
	}
	close(fds[1]);
	here = uuid_v7();
	ck_assert_int_eq(read(fds[0], &there, sizeof(there)), sizeof(there));
	close(fds[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_mem_ne(here.b + 8, there.b + 8, 8);
	ck_assert_mem_ne(here.b + 8, before.b + 8, 8);
	ck_assert_int_eq(pid_self(), self);
	ck_assert_int_eq(self, getpid());
}
END_TEST

/* strchr() finds the NUL at the end of the allowed bytes. */
START_TEST(a_nul_is_never_among_the_allowed_bytes)
{
	ck_assert(text_only(STR("aZ09"), ""));
	ck_assert(text_only(STR("a-b_c"), "-_"));
	ck_assert(text_only(STR(""), ""));
	ck_assert(!text_only(STR("a b"), "-_"));
	ck_assert(!text_only(STR("a\0b"), "-_"));
	ck_assert(!text_only(STR("\xc3\xa4"), ""));
	ck_assert(text_digits(STR("0189")));
	ck_assert(!text_digits(STR("1\0")));
	ck_assert(!text_digits(STR("1/")));
	ck_assert(!text_digits(STR("1:")));
}
END_TEST

/* Row CC2: what is no text form is refused, and never half decoded. */
START_TEST(a_text_form_has_one_spelling)
{
	static const char *const hex[] = { "0", "0g", "00 ", "0x00", "000" };
	static const char *const url[] = { "A", "AAA=", "AB", "A A", "AA+A",
		"AAAAA" };
	static const char *const b64[] = { "AAA", "AA=A", "AB==", "AAA\n",
		"A===" };
	static const char *const percent[] = { "%", "%0", "%zz", "a%00b" };
	struct str out;

	for (size_t i = 0; i < sizeof(hex) / sizeof(*hex); i++)
		ck_assert_msg(!hex_decode(a, str_of(hex[i]), &out), "%s",
		    hex[i]);
	for (size_t i = 0; i < sizeof(url) / sizeof(*url); i++)
		ck_assert_msg(!b64url_decode(a, str_of(url[i]), &out), "%s",
		    url[i]);
	for (size_t i = 0; i < sizeof(b64) / sizeof(*b64); i++)
		ck_assert_msg(!b64_decode(a, str_of(b64[i]), &out), "%s",
		    b64[i]);
	for (size_t i = 0; i < sizeof(percent) / sizeof(*percent); i++)
		ck_assert_msg(!percent_decode(a, str_of(percent[i]), false,
		    &out), "%s", percent[i]);
}
END_TEST

/* Row CC2: bytes of every length come back as they were. */
START_TEST(what_is_encoded_is_decoded_to_the_same)
{
	struct {
		struct str (*encode)(struct arena *, struct str);
		bool (*decode)(struct arena *, struct str, struct str *);
	} forms[] = { { hex_encode, hex_decode },
		{ b64url_encode, b64url_decode }, { b64_encode, b64_decode } };
	char bytes[256];
	struct str out;

	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	for (size_t f = 0; f < 3; f++)
		for (size_t n = 0; n <= 256; n++) {
			struct str s = { bytes, n };

			ck_assert(forms[f].decode(a, forms[f].encode(a, s),
			    &out));
			ck_assert(str_eq(out, s));
		}
}
END_TEST

/* A header that was not sent is not one without a word. */
START_TEST(the_copy_of_nothing_is_nothing)
{
	ck_assert_ptr_null(arena_str(a, STR_NONE).p);
	ck_assert_ptr_nonnull(arena_str(a, STR("")).p);
	ck_assert_str_eq(arena_cstr(a, STR_NONE), "");
}
END_TEST

/* Row RE13: a step of the wall clock moves no duration. */
START_TEST(durations_run_forward_apart_from_the_wall)
{
	int64_t before = clock_mono(), offset = clock_wall() - before;

	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_mono();

		ck_assert_int_ge(now, before);
		before = now;
	}
	/* They count from different beginnings: 1970, and this boot. */
	ck_assert_int_gt(offset, 365 * 86400 * CLOCK_SECOND);
	clock_hold(before + 2 * CLOCK_MS);
	ck_assert_int_ge(clock_mono(), before + 2 * CLOCK_MS);
}
END_TEST

/* Row LO7: a disk that is full, and one that is gone. */
START_TEST(a_log_that_cannot_be_written_stops_nothing)
{
	char name[] = "/tmp/postern-ground.XXXXXX";
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(log_open("test", "/dev/full", LOG_DEBUG_));
	log_error("nobody reads this", log_i("n", 1));
	ck_assert(log_open("test", name, LOG_DEBUG_));
	close(log_fd());
	log_error("nor this");
	ck_assert(log_open("test", name, LOG_DEBUG_));
	log_error("this is read");
	ck_assert_int_gt(lseek(log_fd(), 0, SEEK_END), 0);
	unlink(name);
}
END_TEST

UNIT("base/ground", a_piece_never_reaches_past_its_whole,
    a_child_of_a_fork_takes_nothing_for_its_own,
    a_nul_is_never_among_the_allowed_bytes,
    a_text_form_has_one_spelling, what_is_encoded_is_decoded_to_the_same,
    the_copy_of_nothing_is_nothing, durations_run_forward_apart_from_the_wall,
    a_log_that_cannot_be_written_stops_nothing)
