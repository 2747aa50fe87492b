#include "tests/unit/unit.h"

#include "base/limits.h"
#include "http/transport/fcgi_input.h"
#include "tests/unit/http/transport/fcgi_client.h"

static struct wire w;
static struct fcgi_input in;

/* Give bytes, and expect that event of them. */
#define expect(event, bytes) \
	do { \
		struct str given_ = (bytes); \
		ck_assert_int_eq(fcgi_input_take(&in, &given_), event); \
	} while (0)

static struct str
record(int type, int id, struct str content)
{
	w.n = 0;
	wire_record(&w, type, content);
	w.p[2] = (char)(id >> 8);
	w.p[3] = (char)id;
	return (struct str){ w.p, w.n };
}

static struct str
begin(int role, int id)
{
	char body[8] = { 0, (char)role, 1 };

	return record(BEGIN, id, (struct str){ body, 8 });
}

/* HB3: cut anywhere it is the same request, and nothing is read behind it. */
START_TEST(a_request_is_the_same_however_it_comes)
{
	static const char *const pairs[] = { "REQUEST_URI=/a", NULL };

	wire_request(&w, 1, pairs, STR("body"));
	for (size_t cut = 0; cut <= w.n; cut++) {
		char *copy = malloc(w.n);
		struct str first = { copy, cut }, rest = { copy + cut,
			w.n - cut };
		enum fcgi_event e;

		memcpy(copy, w.p, w.n);
		e = fcgi_input_take(&in, &first);
		ck_assert_uint_eq(first.n, 0);
		ck_assert_int_eq(e, cut < w.n ? FCGI_MORE : FCGI_REQUEST);
		if (cut < w.n)
			ck_assert_int_eq(fcgi_input_take(&in, &rest),
			    FCGI_REQUEST);
		ck_assert(in.whole && in.keep && in.role == ROLE_RESPONDER);
		ck_str(fcgi_input_body(&in), "body");
		ck_assert_uint_eq(in.params, 18);
		fcgi_input_done(&in);
		free(copy);
	}
}
END_TEST

START_TEST(any_byte_may_be_any_other)
{
	static const char *const pairs[] = { "REQUEST_URI=/a", NULL };

	wire_request(&w, 1, pairs, STR("body"));
	for (size_t i = 0; i < w.n; i++)
		for (int v = 0; v < 256; v++) {
			struct str all = { w.p, w.n };
			char was = w.p[i];
			enum fcgi_event e;

			w.p[i] = (char)v;
			do
				e = fcgi_input_take(&in, &all);
			while (e != FCGI_MORE && e != FCGI_BROKEN);
			w.p[i] = was;
			fcgi_input_done(&in);
			in = (struct fcgi_input){ 0 };
		}
}
END_TEST

/* HB3 */
START_TEST(a_body_has_a_bound_and_no_more_is_stored)
{
	static char big[40000];

	expect(FCGI_MORE, begin(1, 1));
	expect(FCGI_MORE, record(PARAMS, 1, STR("")));
	expect(FCGI_MORE, record(IN, 1, (struct str){ big, sizeof(big) }));
	expect(FCGI_REQUEST, record(IN, 1, (struct str){ big, sizeof(big) }));
	ck_assert(!in.whole);
	ck_assert_uint_eq(fcgi_input_body(&in).n, LIMIT_BODY_JSON + 1);
	fcgi_input_done(&in);
	/* The rest belongs to nobody, the next request to itself. */
	expect(FCGI_MORE, record(IN, 1, (struct str){ big, sizeof(big) }));
	ck_assert_uint_eq(in.room, 0);
	in.nhead = in.left = 0;
}
END_TEST

/* HB3 */
START_TEST(parameters_have_a_bound_and_no_more_is_stored)
{
	static char big[40000];

	expect(FCGI_MORE, begin(1, 1));
	expect(FCGI_MORE, record(PARAMS, 1, (struct str){ big, sizeof(big) }));
	expect(FCGI_REQUEST, record(PARAMS, 1, (struct str){ big,
	    sizeof(big) }));
	ck_assert(in.too_long && !in.whole);
	ck_assert_uint_le(in.params, LIMIT_PARAM_BYTES + 8 * LIMIT_PARAMS);
	ck_assert_uint_eq(fcgi_input_body(&in).n, 0);
	fcgi_input_done(&in);
}
END_TEST

START_TEST(what_cannot_be_is_broken)
{
	static char big[FCGI_SMALL + 1];
	const struct str none = STR("");

	expect(FCGI_BROKEN, begin(1, 0));
	in = (struct fcgi_input){ 0 };
	expect(FCGI_BROKEN, record(BEGIN, 1, STR("short")));
	in = (struct fcgi_input){ 0 };
	expect(FCGI_BROKEN, record(GET_VALUES, 0, (struct str){ big,
	    sizeof(big) }));
	in = (struct fcgi_input){ 0 };
	expect(FCGI_MORE, begin(1, 1));
	expect(FCGI_BROKEN, begin(1, 1));
	in = (struct fcgi_input){ 0 };
	expect(FCGI_MORE, begin(1, 1));
	expect(FCGI_BROKEN, record(IN, 1, none));
	in = (struct fcgi_input){ 0 };
	expect(FCGI_MORE, begin(1, 1));
	expect(FCGI_MORE, record(PARAMS, 1, none));
	expect(FCGI_BROKEN, record(PARAMS, 1, none));
	fcgi_input_done(&in);
}
END_TEST

START_TEST(a_request_that_was_told_is_aborted_once)
{
	expect(FCGI_MORE, begin(2, 5));
	expect(FCGI_REQUEST, record(PARAMS, 5, STR("")));
	expect(FCGI_MORE, record(ABORT, 4, STR("")));
	expect(FCGI_ABORT, record(ABORT, 5, STR("")));
	fcgi_input_done(&in);
	expect(FCGI_MORE, record(ABORT, 5, STR("")));
}
END_TEST

/* HB11: a request is wiped when it is over. */
START_TEST(nothing_is_kept_of_a_request)
{
	expect(FCGI_MORE, begin(1, 1));
	expect(FCGI_MORE, record(PARAMS, 1, STR("secret")));
	fcgi_input_done(&in);
	ck_assert_ptr_null(in.p);
	ck_assert_uint_eq(in.n + in.room + in.params, 0);
	ck_assert_int_eq(in.state, FCGI_NONE);
}
END_TEST

/* A light worker tells the end of a heavy one's answer from a cut. */
START_TEST(a_scan_knows_the_end_of_an_answer)
{
	struct fcgi_scan s = { 0 };

	w.n = 0;
	wire_record(&w, OUT, STR("Status: 200\r\n\r\n"));
	wire_record(&w, OUT, STR(""));
	wire_record(&w, END, STR("\0\0\0\0\0\0\0\0"));
	for (size_t i = 0; i < w.n; i++) {
		ck_assert(!s.ended);
		fcgi_record_scan(&s, (struct str){ w.p + i, 1 });
	}
	ck_assert(s.ended);
	fcgi_record_scan(&s, STR("\1"));
	ck_assert(!s.ended);
}
END_TEST

UNIT("http/transport/fcgi_input", a_request_is_the_same_however_it_comes,
    any_byte_may_be_any_other, a_body_has_a_bound_and_no_more_is_stored,
    parameters_have_a_bound_and_no_more_is_stored, what_cannot_be_is_broken,
    a_request_that_was_told_is_aborted_once, nothing_is_kept_of_a_request,
    a_scan_knows_the_end_of_an_answer)
