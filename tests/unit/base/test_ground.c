/* Bytes, their text forms, clocks and the log: what all else stands on. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
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

/* A buffer at the top of its arena grows where it is, one below it moves. */
START_TEST(a_buffer_grows_up_to_its_cap_and_no_further)
{
	struct buf b = buf_new(a, 1000);
	size_t used;

	buf_byte(&b, 'x');
	used = arena_used(a);
	for (int i = 1; i < 500; i++)
		buf_byte(&b, 'x');
	ck_assert_uint_eq(arena_used(a), used * 2);
	ck_assert_ptr_ne(arena_alloc(a, 1), NULL);
	for (int i = 500; i < 1000; i++)
		buf_byte(&b, 'x');
	ck_assert(!b.full);
	ck_assert_uint_eq(buf_str(&b).n, 1000);
	ck_assert_uint_eq(strspn(buf_str(&b).p, "x"), 1000);
	buf_byte(&b, 'x');
	ck_assert(b.full);
	buf_add(&b, STR(""));
	buf_add(&b, STR("x"));
	ck_assert_uint_eq(buf_str(&b).n, 1000);
}
END_TEST

START_TEST(what_an_arena_hands_out_is_zero_every_time)
{
	static const char zero[3000];

	for (int round = 0; round < 3; round++) {
		for (size_t n = 1; n <= 3000; n += 7) {
			char *p = arena_alloc(a, n);

			ck_assert_mem_eq(p, zero, n);
			memset(p, 'x', n);
		}
		arena_reset(a);
		ck_assert_uint_eq(arena_used(a), 0);
	}
}
END_TEST

START_TEST(json_stands_for_itself_up_to_the_first_escape)
{
	char text[40];

	for (int c = 1; c < 256; c++)
		for (size_t n = 0; n < sizeof(text); n++) {
			bool plain = c >= 0x20 && c != '"' && c != '\\';

			memset(text, 'x', sizeof(text));
			text[n] = (char)c;
			ck_assert_uint_eq(str_json_plain((struct str){ text,
			    sizeof(text) }), plain ? sizeof(text) : n);
			ck_assert_uint_eq(str_json_plain((struct str){ text,
			    n }), n);
			ck_assert(str_is_ascii((struct str){ text,
			    sizeof(text) }) == (c < 0x80));
			ck_assert(str_print_plain((struct str){ text,
			    sizeof(text) }) == (plain && c < 0x7f));
		}
}
END_TEST

/* Digits are read by eights, whatever stands among them. */
START_TEST(a_number_is_all_digits_and_as_large_as_it_says)
{
	static const char *const good[] = { "0", "7", "12345678", "-12345678",
		"00000000000000000000012", "1234567812345678",
		"9223372036854775807", "-9223372036854775808",
		"1700000000123456" };
	long long v;
	char text[20];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert(str_to_int(str_of(good[i]), LLONG_MIN, LLONG_MAX,
		    &v));
		ck_assert_int_eq(v, strtoll(good[i], NULL, 10));
	}
	ck_assert(!str_to_int(STR("9223372036854775808"), LLONG_MIN,
	    LLONG_MAX, &v));
	ck_assert(!str_to_int(STR("-9223372036854775809"), LLONG_MIN,
	    LLONG_MAX, &v));
	for (int c = 0; c < 256; c++)
		for (size_t n = 0; n < 17; n++) {
			memset(text, '3', sizeof(text));
			text[n] = (char)c;
			ck_assert(str_to_int((struct str){ text, 17 },
			    LLONG_MIN, LLONG_MAX, &v) == ((c >= '0' &&
			    c <= '9') || (c == '-' && n == 0)));
		}
}
END_TEST

/* As gmtime() has it: leap days, ends of months, years and eras. */
START_TEST(every_day_has_its_date)
{
	char room[CLOCK_TEXT_ROOM], want[40];

	for (int64_t day = -719528; day < 2932897; day += 13) {
		time_t t = (time_t)(day * 86400 + (day & 0xffff));
		struct tm tm;

		gmtime_r(&t, &tm);
		snprintf(want, sizeof(want), "%04d", tm.tm_year + 1900);
		strftime(want + 4, sizeof(want) - 4, "-%m-%dT%H:%M:%S.000Z",
		    &tm);
		ck_str(clock_text(room, t * CLOCK_SECOND, 3), want);
	}
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
    a_buffer_grows_up_to_its_cap_and_no_further,
    what_an_arena_hands_out_is_zero_every_time,
    json_stands_for_itself_up_to_the_first_escape,
    a_number_is_all_digits_and_as_large_as_it_says,
    every_day_has_its_date, a_child_of_a_fork_takes_nothing_for_its_own,
    a_nul_is_never_among_the_allowed_bytes,
    a_text_form_has_one_spelling, what_is_encoded_is_decoded_to_the_same,
    the_copy_of_nothing_is_nothing, durations_run_forward_apart_from_the_wall,
    a_log_that_cannot_be_written_stops_nothing)
