#include "tests/unit/unit.h"

#include "base/buf.h"
#include "worker/mail/mime.h"

static struct mime_mail
sample(void)
{
	return (struct mime_mail){ .id = STR("0192-id"),
		.host = STR("auth.test"), .date = INT64_C(1700000000000000),
		.from_name = STR("Postern"), .from = STR("no-reply@auth.test"),
		.to = STR("ann@example.test"), .subject = STR("Your code"),
		.text = STR("Hello\nAnn\n"), .html = STR("<p>Hello</p>\n") };
}

static struct str
build(const struct mime_mail *m)
{
	struct str out = STR_NONE;
	const char *why = NULL;

	if (!mime_build(a, m, &out, &why)) {
		ck_assert_ptr_nonnull(why);
		return STR_NONE;
	}
	return out;
}

static bool
has(struct str s, const char *needle)
{
	return s.n && memmem(s.p, s.n, needle, strlen(needle)) != NULL;
}

/* Every line end is CRLF and no line is longer than 998 (RFC 5322 2.1.1). */
static void
check_lines(struct str s)
{
	size_t line = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			ck_assert(i > 0 && s.p[i - 1] == '\r');
		if (s.p[i] == '\r')
			ck_assert(i + 1 < s.n && s.p[i + 1] == '\n');
		line = s.p[i] == '\n' ? 0 : line + 1;
		ck_assert_uint_le(line, 999);
	}
	ck_assert(str_ends(s, STR("\r\n")));
}

START_TEST(a_mail_has_the_headers_a_relay_wants)
{
	struct mime_mail m = sample();
	struct str out = build(&m);

	check_lines(out);
	ck_assert(has(out, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"));
	ck_assert(has(out, "\r\nFrom: \"Postern\" <no-reply@auth.test>\r\n"));
	ck_assert(has(out, "\r\nTo: ann@example.test\r\n"));
	ck_assert(has(out, "\r\nSubject: Your code\r\n"));
	ck_assert(has(out, "\r\nMessage-ID: <0192-id@auth.test>\r\n"));
	ck_assert(has(out, "\r\nAuto-Submitted: auto-generated\r\n"));
	ck_assert(has(out, "multipart/alternative"));
	ck_assert(has(out, "\r\n\r\nHello\r\nAnn\r\n"));
	ck_assert(has(out, "--=_0192-id--\r\n"));
}
END_TEST

/* Row RE4: a retry is the same message. */
START_TEST(the_same_mail_is_the_same_bytes)
{
	struct mime_mail m = sample();

	ck_assert(str_eq(build(&m), build(&m)));
}
END_TEST

/* Rows RE6, HT4. */
START_TEST(no_value_can_add_a_header)
{
	static const char *const evil[] = { "a\r\nBcc: x@y", "a\nBcc: x@y",
		"a\rBcc: x@y", "a\tb", "\x7f", "\xff" };

	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct mime_mail m = sample();

		m.subject = str_of(evil[i]);
		ck_assert_ptr_null(build(&m).p);
		m = sample();
		m.from_name = str_of(evil[i]);
		ck_assert_ptr_null(build(&m).p);
		m = sample();
		m.to = arena_fmt(a, "%s@x.test", evil[i]);
		ck_assert_ptr_null(build(&m).p);
		m = sample();
		m.from = arena_fmt(a, "a@x.test%s", evil[i]);
		ck_assert_ptr_null(build(&m).p);
		m = sample();
		m.host = str_of(evil[i]);
		ck_assert_ptr_null(build(&m).p);
	}
}
END_TEST

START_TEST(a_body_with_a_nul_or_broken_utf8_is_refused)
{
	struct mime_mail m = sample();

	m.text = (struct str){ "a\0b", 3 };
	ck_assert_ptr_null(build(&m).p);
	m = sample();
	m.html = STR("\xc3(");
	ck_assert_ptr_null(build(&m).p);
}
END_TEST

START_TEST(bare_line_ends_become_crlf)
{
	struct mime_mail m = sample();

	m.text = STR("a\rb\nc\r\nd\n.\n..\n");
	m.html = STR_NONE;
	check_lines(build(&m));
	ck_assert(has(build(&m), "\r\n\r\na\r\nb\r\nc\r\nd\r\n.\r\n..\r\n"));
}
END_TEST

START_TEST(other_letters_are_encoded_words)
{
	struct mime_mail m = sample();
	struct str out;

	m.subject = STR("Grüße aus Köln: Bestätigungscode für Ihr neues Konto "
	    "bei Österreichs größtem Händler");
	m.from_name = STR("Bäcker");
	m.text = STR("Grüße = gut \n");
	out = build(&m);
	check_lines(out);
	ck_assert(has(out, "\r\nSubject: =?UTF-8?B?"));
	ck_assert(has(out, "?=\r\n =?UTF-8?B?"));
	ck_assert(has(out, "From: =?UTF-8?B?QsOkY2tlcg==?=\r\n <no-reply@"));
	ck_assert(has(out, "Content-Transfer-Encoding: quoted-printable"));
	ck_assert(has(out, "\r\n\r\nGr=C3=BC=C3=9Fe =3D gut=20\r\n"));
	for (size_t i = 0; i < out.n; i++)
		ck_assert_int_lt((unsigned char)out.p[i], 0x80);
}
END_TEST

START_TEST(headers_are_folded_between_words)
{
	struct str h = mime_header(a, "Subject", STR("one two three four five "
	    "six seven eight nine ten eleven twelve thirteen fourteen"));

	ck_str(h, "Subject: one two three four five six seven eight nine ten "
	    "eleven twelve\r\n thirteen fourteen\r\n");
	ck_assert(has(mime_header(a, "Subject", STR("=?x?= y")), "=?UTF-8?B?"));
}
END_TEST

START_TEST(long_lines_are_broken_softly)
{
	struct buf b = buf_new(a, 4096);
	struct mime_mail m = sample();
	struct str out;

	for (int i = 0; i < 2000; i++)
		buf_byte(&b, 'x');
	m.text = buf_str(&b);
	out = build(&m);
	check_lines(out);
	ck_assert(has(out, "=\r\nx"));
}
END_TEST

UNIT("worker/mail/mime", a_mail_has_the_headers_a_relay_wants,
    the_same_mail_is_the_same_bytes, no_value_can_add_a_header,
    a_body_with_a_nul_or_broken_utf8_is_refused, bare_line_ends_become_crlf,
    other_letters_are_encoded_words, headers_are_folded_between_words,
    long_lines_are_broken_softly)
