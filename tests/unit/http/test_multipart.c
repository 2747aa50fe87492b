#include "tests/unit/unit.h"

#include "base/buf.h"
#include "http/multipart.h"

#define TYPE "multipart/form-data; boundary=b"
#define NAME(n) "Content-Disposition: form-data; name=\"" n "\"\r\n"
#define ONE(headers) "--b\r\n" headers "\r\nx\r\n--b--"

static struct part parts[MULTIPART_PARTS];
static size_t n;

static enum err
parse(const char *type, const char *body)
{
	return multipart_parse(a, str_of(type), str_of(body), parts, &n);
}

START_TEST(parts_are_read_as_they_were_sent)
{
	ck_assert_int_eq(parse(TYPE, "--b\r\n" NAME("t") "\r\nhello\r\n"
	    "--b\r\nContent-Type: image/png\r\nContent-Disposition: form-data;"
	    " name=file; filename=\"a \\\"b\\\".png\"\r\n\r\n\x89PNG\r\n\r\n"
	    "--b--\r\n"), E_OK);
	ck_assert_uint_eq(n, 2);
	ck_str(parts[0].name, "t");
	ck_str(parts[0].data, "hello");
	ck_assert_ptr_null(parts[0].filename.p);
	ck_str(parts[1].name, "file");
	ck_str(parts[1].filename, "a \"b\".png");
	ck_str(parts[1].content_type, "image/png");
	ck_str(parts[1].data, "\x89PNG\r\n");
	ck_assert_ptr_eq(multipart_find(parts, n, "file"), &parts[1]);
	ck_assert_ptr_null(multipart_find(parts, n, "FILE"));
}
END_TEST

START_TEST(data_may_hold_anything_but_the_delimiter)
{
	ck_assert_int_eq(multipart_parse(a, STR(TYPE), STR("--b\r\n" NAME("t")
	    "\r\n\0--b\n--b\r\r\n--a\r\n--b--"), parts, &n), E_OK);
	ck_assert(str_eq(parts[0].data, STR("\0--b\n--b\r\r\n--a")));
	ck_assert_int_eq(parse(TYPE, "--b\r\n" NAME("t") "\r\n\r\n--b--"),
	    E_OK);
	ck_str(parts[0].data, "");
	/* the blank line's own end may begin the delimiter */
	ck_assert_int_eq(parse(TYPE, "--b\r\n" NAME("t") "\r\n--b--"), E_OK);
	ck_str(parts[0].data, "");
}
END_TEST

/* RFC 2046, 5.1.1 */
START_TEST(preamble_epilogue_and_padding_are_skipped)
{
	ck_assert_int_eq(parse(TYPE, "junk\r\n--b \t\r\n" NAME("t")
	    "\r\nx\r\n--b--\r\njunk\r\n--b\r\n"), E_OK);
	ck_assert_uint_eq(n, 1);
	ck_str(parts[0].data, "x");
}
END_TEST

/* RFC 2046, 5.1.1 */
START_TEST(boundaries_have_their_characters_and_length)
{
	static const char *const bad[] = { "multipart/form-data",
		"multipart/form-data; boundary=",
		"multipart/form-data; boundary=\"\"",
		"multipart/form-data; boundary=\"a \"",
		"multipart/form-data; boundary=\"a\tb\"",
		"multipart/form-data; boundary=b; boundary=b",
		"multipart/form-data; boundary=b;;",
		"multipart/form-data; boundary=\"b",
		("multipart/form-data; boundary=012345678901234567890123456789"
		"01234567890123456789012345678901234567890") };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(parse(bad[i], ONE(NAME("t"))) == E_BAD_REQUEST,
		    "%s", bad[i]);
	ck_assert_int_eq(parse("Multipart/Form-Data; charset=utf-8; "
	    "Boundary=\"a b'?\"", "--a b'?\r\n" NAME("t")
	    "\r\nx\r\n--a b'?--"), E_OK);
	ck_assert_int_eq(parse("application/json", "{}"), E_MEDIA_TYPE);
	ck_assert_int_eq(parse("multipart/mixed; boundary=b",
	    ONE(NAME("t"))), E_MEDIA_TYPE);
}
END_TEST

START_TEST(what_does_not_end_or_begin_is_refused)
{
	static const char *const bad[] = { "", "--b", "--b--", "--b\r\n",
		"--b\r\n" NAME("t"), "--b\r\n" NAME("t") "\r\nx",
		"--b\r\n" NAME("t") "\r\nx\r\n--b", "--b\r\n" NAME("t")
		"\r\nx\r\n--bx\r\n", "--b\n" NAME("t") "\nx\n--b--",
		"x--b\r\n" NAME("t") "\r\nx\r\n--b-", "--b\r\n\r\nx\r\n--b--" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(parse(TYPE, bad[i]) == E_BAD_REQUEST, "%zu", i);
}
END_TEST

START_TEST(headers_of_a_part_say_one_thing)
{
	static const char *const bad[] = {
		ONE("Content-Type: text/plain\r\n"),
		ONE(NAME("t") NAME("t")), ONE(NAME("")),
		ONE("Content-Disposition: form-data\r\n"),
		ONE("Content-Disposition: attachment; name=t\r\n"),
		ONE("Content-Disposition: form-data; name=t; name=u\r\n"),
		ONE("Content-Disposition: form-data; name=\"t\r\n"),
		ONE("Content-Disposition: form-data; name=\"\xff\"\r\n"),
		ONE(NAME("t") "Content-Type: a/b\r\nContent-Type: a/b\r\n"),
		ONE(NAME("t") "Content-Transfer-Encoding: base64\r\n"),
		ONE(NAME("t") "no colon\r\n"), ONE(NAME("t") ": x\r\n"),
		ONE(NAME("t") "a b: x\r\n"), ONE(NAME("t") " folded: x\r\n") };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(parse(TYPE, bad[i]) == E_BAD_REQUEST, "%zu", i);
	ck_assert_int_eq(parse(TYPE, ONE(NAME("t") "X-Other: y\r\n"
	    "Content-Transfer-Encoding: binary\r\n")), E_OK);
}
END_TEST

/* row HB7 */
START_TEST(one_name_twice_is_refused)
{
	ck_assert_int_eq(parse(TYPE, "--b\r\n" NAME("t") "\r\nx\r\n--b\r\n"
	    NAME("t") "\r\ny\r\n--b--"), E_BAD_REQUEST);
}
END_TEST

START_TEST(parts_and_their_headers_are_bounded)
{
	struct buf b = buf_new(a, 1 << 20);
	struct str fill = arena_fmt(a, "X: %0*d\r\n", MULTIPART_HEADERS, 0);

	for (int i = 0; i < MULTIPART_PARTS; i++)
		buf_fmt(&b, "--b\r\n" NAME("%d") "\r\nx\r\n", i);
	ck_assert_int_eq(parse(TYPE, arena_fmt(a, "%s--b--",
	    buf_str(&b).p).p), E_OK);
	ck_assert_uint_eq(n, MULTIPART_PARTS);
	ck_assert_int_eq(parse(TYPE, arena_fmt(a, "%s" ONE(NAME("last")),
	    buf_str(&b).p).p), E_TOO_LARGE);
	ck_assert_int_eq(parse(TYPE, arena_fmt(a, "--b\r\n%s" NAME("t")
	    "\r\nx\r\n--b--", fill.p).p), E_TOO_LARGE);
}
END_TEST

UNIT("http/multipart", parts_are_read_as_they_were_sent,
    data_may_hold_anything_but_the_delimiter,
    preamble_epilogue_and_padding_are_skipped,
    boundaries_have_their_characters_and_length,
    what_does_not_end_or_begin_is_refused, headers_of_a_part_say_one_thing,
    one_name_twice_is_refused, parts_and_their_headers_are_bounded)
