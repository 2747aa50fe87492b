/* What stands between a stream's bytes and a method (rows GR3, GR4, GR5). */
#include "base/encoding.h"
#include "grpc/grpc_details.h"
#include "grpc/grpc_frame.h"
#include "grpc/grpc_params.h"
#include "grpc/grpc_timeout.h"
#include "grpc/grpc_wire.h"
#include "grpc/proto/status.pb-c.h"
#include "grpc/proto/user.pb-c.h"
#include "tests/unit/unit.h"

#define BYTES(literal) STR(literal)

START_TEST(a_frame_is_taken_when_it_is_whole)
{
	struct str all = BYTES("\0\0\0\0\3abc\0\0\0\0\1d\0\0"), m, rest;

	ck_assert_int_eq(grpc_frame_take(all, &m, &rest), GRPC_FRAME_WHOLE);
	ck_str(m, "abc");
	ck_assert_int_eq(grpc_frame_take(rest, &m, &rest), GRPC_FRAME_WHOLE);
	ck_str(m, "d");
	ck_assert_int_eq(grpc_frame_take(rest, &m, &rest), GRPC_FRAME_PART);
	for (size_t n = 0; n < 8; n++)
		ck_assert_int_eq(grpc_frame_take(str_slice(all, 0, n), &m,
		    &rest), GRPC_FRAME_PART);
	ck_assert_int_eq(grpc_frame_only(all, &m), GRPC_FRAME_BAD);
}
END_TEST

START_TEST(what_no_frame_may_be_is_told_from_its_first_bytes)
{
	struct str m, rest;

	ck_assert_int_eq(grpc_frame_take(BYTES("\1"), &m, &rest),
	    GRPC_FRAME_COMPRESSED);
	ck_assert_int_eq(grpc_frame_take(BYTES("\2"), &m, &rest),
	    GRPC_FRAME_BAD);
	ck_assert_int_eq(grpc_frame_take(BYTES("\0\0\1\0\1"), &m, &rest),
	    GRPC_FRAME_LARGE);
	ck_assert_int_eq(grpc_frame_take(BYTES("\0\0\1\0\0"), &m, &rest),
	    GRPC_FRAME_PART);
	ck_assert_int_eq(grpc_frame_take(BYTES("\0\377\377\377\377"), &m,
	    &rest), GRPC_FRAME_LARGE);
}
END_TEST

START_TEST(a_frame_that_is_made_is_taken_again)
{
	struct str m, rest, made = grpc_frame_make(a, STR("hello"));

	ck_assert_int_eq(grpc_frame_take(made, &m, &rest), GRPC_FRAME_WHOLE);
	ck_str(m, "hello");
	ck_assert_uint_eq(rest.n, 0);
}
END_TEST

START_TEST(a_timeout_has_up_to_eight_digits_and_a_unit)
{
	static const struct { const char *text; int64_t us; } good[] = {
		{ "1S", 1000000 }, { "100m", 100000 }, { "5u", 5 },
		{ "1n", 1 }, { "1001n", 2 }, { "2M", 120000000 },
		{ "99999999H", INT64_C(99999999) * 3600000000 }, { "0S", 0 },
	};
	static const char *const bad[] = { "", "S", "1", "1s", "-1S",
		"123456789S", "1.5S", " 1S", "+1S", "0x1S", "1SS" };
	int64_t us;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ck_assert(grpc_timeout_parse(str_of(good[i].text), &us));
		ck_assert_int_eq(us, good[i].us);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!grpc_timeout_parse(str_of(bad[i]), &us), "%s",
		    bad[i]);
	ck_assert_int_eq(grpc_timeout_of(STR_NONE, 7, 9), 7);
	ck_assert_int_eq(grpc_timeout_of(STR("8u"), 7, 9), 8);
	ck_assert_int_eq(grpc_timeout_of(STR("1H"), 7, 9), 9);
}
END_TEST

/* Row GR5: every error of HTTP has a status, and OK is no error's. */
START_TEST(each_error_has_a_status)
{
	for (int e = 0; e < ERR_COUNT; e++)
		ck_assert_int_eq(grpc_status_of(e) == GRPC_STATUS_OK,
		    e == E_OK);
	ck_assert_int_eq(grpc_status_of(E_TOKEN_INVALID),
	    GRPC_STATUS_UNAUTHENTICATED);
	ck_assert_int_eq(grpc_status_of(E_SCOPE),
	    GRPC_STATUS_PERMISSION_DENIED);
	ck_assert_int_eq(grpc_status_of(E_NOT_FOUND), GRPC_STATUS_NOT_FOUND);
	ck_assert_int_eq(grpc_status_of(E_LIMITED),
	    GRPC_STATUS_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(grpc_status_of(E_LOCKED),
	    GRPC_STATUS_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(grpc_status_of(E_VALIDATION),
	    GRPC_STATUS_INVALID_ARGUMENT);
	ck_assert_int_eq(grpc_status_of(E_UNAVAILABLE),
	    GRPC_STATUS_UNAVAILABLE);
	ck_assert_int_eq(grpc_status_of(E_INTERNAL), GRPC_STATUS_INTERNAL);
}
END_TEST

START_TEST(a_message_is_printable)
{
	ck_str(grpc_status_message(a, STR("a b%\n\xc3\xa4")),
	    "a b%25%0A%C3%A4");
}
END_TEST

START_TEST(details_name_reason_and_time)
{
	struct problem p = { .err = E_LIMITED, .sentence = "Later",
		.retry_after = 61 };
	struct str text = grpc_details(a, GRPC_STATUS_RESOURCE_EXHAUSTED, &p);
	Google__Rpc__Status *s;
	struct str bytes;
	char padded[512];

	ck_assert_uint_lt(text.n, sizeof(padded) - 4);
	memcpy(padded, text.p, text.n);
	while (text.n % 4)
		padded[text.n++] = '=';
	ck_assert(b64_decode(a, (struct str){ padded, text.n }, &bytes));
	s = (void *)protobuf_c_message_unpack(
	    &google__rpc__status__descriptor, NULL, bytes.n,
	    (const uint8_t *)bytes.p);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->code, 8);
	ck_assert_uint_eq(s->n_details, 2);
	ck_str(grpc_wire_str(s->details[0]->type_url),
	    "type.googleapis.com/google.rpc.ErrorInfo");
	ck_str(grpc_wire_str(s->details[1]->type_url),
	    "type.googleapis.com/google.rpc.RetryInfo");
	protobuf_c_message_free_unpacked(&s->base, NULL);
}
END_TEST

static bool
reads(struct str bytes)
{
	return grpc_wire_read(a, &entativa__user__get_user_request__descriptor,
	    bytes) != NULL;
}

/* Row GR4. */
START_TEST(a_text_is_text_and_unknown_fields_are_ignored)
{
	const Entativa__User__GetUserRequest *m;

	ck_assert(reads(BYTES("")));
	ck_assert(reads(BYTES("\12\3abc")));
	ck_assert(reads(BYTES("\12\2\xc3\xa4")));
	ck_assert(!reads(BYTES("\12\2\xc3\x28"))); /* no UTF-8 */
	ck_assert(!reads(BYTES("\12\3a\0b")));	   /* would be cut there */
	ck_assert(!reads(BYTES("\12\4abc")));	   /* cut short */
	ck_assert(!reads(BYTES("\12\377\377\377\377\17")));
	m = (const void *)grpc_wire_read(a,
	    &entativa__user__get_user_request__descriptor,
	    BYTES("\22\2zz\12\3abc\30\1"));
	ck_assert_ptr_nonnull(m);
	ck_str(grpc_wire_str(m->user_id), "abc");
}
END_TEST

START_TEST(a_bad_text_among_many_is_found)
{
	const ProtobufCMessageDescriptor *d =
	    &entativa__user__get_users_by_ids_request__descriptor;

	ck_assert_ptr_nonnull(grpc_wire_read(a, d, BYTES("\12\1a\12\1b")));
	ck_assert_ptr_null(grpc_wire_read(a, d, BYTES("\12\1a\12\1\xff")));
}
END_TEST

/* Row GR3: the largest message, all of it the smallest of fields. */
START_TEST(the_memory_of_a_message_is_bounded)
{
	char *p = arena_alloc(a, LIMIT_GRPC_MESSAGE);
	size_t before = arena_used(a);

	for (size_t i = 0; i < LIMIT_GRPC_MESSAGE; i += 2)
		p[i] = 10; /* an empty user_ids */
	(void)grpc_wire_read(a,
	    &entativa__user__get_users_by_ids_request__descriptor,
	    (struct str){ p, LIMIT_GRPC_MESSAGE });
	for (size_t i = 0; i < LIMIT_GRPC_MESSAGE; i += 2)
		p[i] = 24; /* an unknown number */
	(void)grpc_wire_read(a,
	    &entativa__user__get_users_by_ids_request__descriptor,
	    (struct str){ p, LIMIT_GRPC_MESSAGE });
	ck_assert_uint_lt(arena_used(a) - before,
	    2 * (LIMIT_GRPC_FIELDS + 65536));
}
END_TEST

START_TEST(a_list_has_its_pieces)
{
	size_t n;
	ProtobufCBinaryData *all = grpc_wire_list(a, STR("admin,user"), ',',
	    &n);

	ck_assert_uint_eq(n, 2);
	ck_str(grpc_wire_str(all[1]), "user");
	grpc_wire_list(a, STR(""), ',', &n);
	ck_assert_uint_eq(n, 0);
}
END_TEST

/* Metadata is a request's headers, and none of what a proxy alone may set. */
START_TEST(metadata_become_parameters)
{
	struct h2_stream st = { 0 };
	struct request rq = { .arena = a };

	h2_stream_take_header(&st, STR(":path"), STR("/x"));
	h2_stream_take_header(&st, STR("x-api-key"), STR("k"));
	h2_stream_take_header(&st, STR("x_api_key"), STR("other"));
	h2_stream_take_header(&st, STR("proxy"), STR("evil"));
	h2_stream_take_header(&st, STR("remote-addr"), STR("10.0.0.1"));
	grpc_params(&rq, &st, STR("192.0.2.7"));
	ck_str(request_header(&rq, "HTTP_X_API_KEY"), "k");
	ck_assert_uint_eq(request_header_count(&rq, "HTTP_X_API_KEY"), 1);
	ck_assert_ptr_null(request_param(&rq, "HTTP_PROXY").p);
	ck_str(request_param(&rq, "REMOTE_ADDR"), "192.0.2.7");
	h2_bytes_free(&st.head);
}
END_TEST

UNIT("grpc", a_frame_is_taken_when_it_is_whole,
    what_no_frame_may_be_is_told_from_its_first_bytes,
    a_frame_that_is_made_is_taken_again,
    a_timeout_has_up_to_eight_digits_and_a_unit, each_error_has_a_status,
    a_message_is_printable, details_name_reason_and_time,
    a_text_is_text_and_unknown_fields_are_ignored,
    a_bad_text_among_many_is_found, the_memory_of_a_message_is_bounded,
    a_list_has_its_pieces, metadata_become_parameters)
