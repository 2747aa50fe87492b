#include "tests/unit/unit.h"

#include "base/limits.h"
#include "http/dialect.h"
#include "http/response.h"

static struct param params[4];
static struct request rq;
static struct response re;

static void
begin(enum dialect d)
{
	json_use(a);
	rq = (struct request){ .arena = a, .params = params, .dialect = d,
		.id = STR("req-1") };
	re = (struct response){ .message = "done" };
}

static void
data(const char *json)
{
	const char *why;

	ck_assert_int_eq(json_parse(a, str_of(json), 32, &re.data, &why),
	    E_OK);
}

/* The body with the time cut out. */
static struct str
body(void)
{
	struct str s = response_render(&re, &rq);
	const char *at = strstr(s.p, "\"timestamp\":\"");
	cJSON *v;

	/* No key may stand there twice, and all is JSON. */
	ck_assert_int_eq(json_parse(a, s, 40, &v, NULL), E_OK);
	if (at == NULL)
		return s;
	at += strlen("\"timestamp\":\"");
	return arena_fmt(a, "%.*sT%s", (int)(at - s.p), s.p,
	    at + strlen("2026-01-02T03:04:05.678Z"));
}

static struct str
header(const char *name)
{
	for (size_t i = 0; i < re.nheaders; i++)
		if (str_eq_nocase(str_of(re.headers[i].name), str_of(name)))
			return re.headers[i].value;
	return STR_NONE;
}

#define META "\"meta\":{\"timestamp\":\"T\",\"version\":\"v1\"," \
	"\"requestId\":\"req-1\"}"

/* row AP2 */
START_TEST(a_success_has_the_envelope)
{
	begin(DIALECT_V1);
	data("{\"access_token\":\"x\",\"user\":{\"first_name\":null}}");
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":"
	    "{\"access_token\":\"x\",\"user\":{\"first_name\":null}},"
	    META "}");
	ck_assert_int_eq(re.status, 200);
}
END_TEST

START_TEST(pages_are_counted_upwards)
{
	struct page page = { 2, 20, 41 };

	begin(DIALECT_V1);
	data("[]");
	re.page = &page;
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":[],"
	    META ",\"pagination\":{\"page\":2,\"limit\":20,\"total\":41,"
	    "\"totalPages\":3}}");
	begin(DIALECT_V1);
	page = (struct page){ 1, 20, 0 };
	re.page = &page;
	ck_assert_ptr_nonnull(strstr(body().p, "\"totalPages\":0"));
}
END_TEST

START_TEST(no_data_is_null_in_both_dialects)
{
	begin(DIALECT_V1);
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":null,"
	    META "}");
	begin(DIALECT_API);
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":null,"
	    META "}");
}
END_TEST

START_TEST(v1_has_the_documented_camel_names_beside_the_snake_ones)
{
	begin(DIALECT_V1);
	data("{\"requires_mfa\":true,\"user_id\":\"u\",\"qr_code\":\"q\","
	    "\"backup_codes\":[\"a_b\"],\"other_name\":{\"user_id\":1}}");
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":"
	    "{\"requires_mfa\":true,\"requiresMFA\":true,\"user_id\":\"u\","
	    "\"userId\":\"u\",\"qr_code\":\"q\",\"qrCode\":\"q\","
	    "\"backup_codes\":[\"a_b\"],\"backupCodes\":[\"a_b\"],"
	    "\"other_name\":{\"user_id\":1}}," META "}");
}
END_TEST

START_TEST(api_has_both_names_at_every_depth_and_hoists)
{
	begin(DIALECT_API);
	data("{\"temp_token\":\"t\",\"list\":[{\"a_b\":{\"c_d\":1}}]}");
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":"
	    "{\"temp_token\":\"t\",\"tempToken\":\"t\",\"list\":"
	    "[{\"a_b\":{\"c_d\":1,\"cD\":1},\"aB\":{\"c_d\":1,\"cD\":1}}]},"
	    "\"temp_token\":\"t\",\"tempToken\":\"t\",\"list\":"
	    "[{\"a_b\":{\"c_d\":1,\"cD\":1},\"aB\":{\"c_d\":1,\"cD\":1}}],"
	    META "}");
}
END_TEST

START_TEST(hoisting_never_covers_the_envelope)
{
	begin(DIALECT_API);
	data("{\"success\":false,\"message\":1,\"error\":2,\"code\":3,"
	    "\"data\":4,\"meta\":5,\"pagination\":6,\"x\":7}");
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":"
	    "{\"success\":false,\"message\":1,\"error\":2,\"code\":3,"
	    "\"data\":4,\"meta\":5,\"pagination\":6,\"x\":7},\"x\":7,"
	    META "}");
}
END_TEST

START_TEST(api_leaves_arrays_in_data)
{
	begin(DIALECT_API);
	data("[{\"user_id\":1}]");
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":"
	    "[{\"user_id\":1,\"userId\":1}]," META "}");
}
END_TEST

START_TEST(a_name_that_is_there_already_is_not_doubled)
{
	begin(DIALECT_API);
	data("{\"user_id\":1,\"userId\":2}");
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":"
	    "{\"user_id\":1,\"userId\":2},\"user_id\":1,\"userId\":2,"
	    META "}");
	begin(DIALECT_V1);
	data("{\"user_id\":1,\"userId\":2}");
	ck_str(body(), "{\"success\":true,\"message\":\"done\",\"data\":"
	    "{\"user_id\":1,\"userId\":2}," META "}");
}
END_TEST

START_TEST(nesting_cannot_make_an_answer_grow_without_end)
{
	struct buf b = buf_new(a, 1 << 10);

	for (int i = 0; i < 31; i++)
		buf_add(&b, STR("{\"a_b\":"));
	buf_add(&b, STR("1"));
	for (int i = 0; i < 31; i++)
		buf_add(&b, STR("}"));
	begin(DIALECT_API);
	data(buf_str(&b).p);
	ck_assert_ptr_nonnull(strstr(response_render(&re, &rq).p,
	    "INTERNAL_ERROR"));
	ck_assert_int_eq(re.status, 500);
}
END_TEST

START_TEST(names_change_their_case_both_ways)
{
	static const char *const pairs[][2] = { { "user_id", "userId" },
		{ "requires_mfa", "requiresMFA" }, { "qr_code", "qrCode" },
		{ "requires_two_factor", "requiresTwoFactor" },
		{ "email_or_username", "emailOrUsername" }, { "x", "x" },
		{ "expires_at", "expiresAt" } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		ck_str(dialect_camel(a, str_of(pairs[i][0])), pairs[i][1]);
		ck_str(dialect_snake(a, str_of(pairs[i][1])), pairs[i][0]);
		ck_str(dialect_snake(a, str_of(pairs[i][0])), pairs[i][0]);
	}
	ck_str(dialect_snake(a, STR("userID")), "user_id");
	ck_str(dialect_snake(a, STR("MFACode")), "mfa_code");
	ck_str(dialect_camel(a, STR("_a__b_")), "_a_B_");
}
END_TEST

/* row HB12 */
START_TEST(an_error_has_its_envelope)
{
	begin(DIALECT_API);
	data("{\"secret\":1}");
	response_error(&re, E_VALIDATION, NULL);
	response_field_error(&re, "email", "E-mail is required");
	ck_str(body(), "{\"success\":false,\"error\":\"Validation failed\","
	    "\"message\":\"Some fields are missing or not valid\","
	    "\"code\":\"VALIDATION_FAILED\",\"errors\":[{\"field\":\"email\","
	    "\"message\":\"E-mail is required\"}]," META "}");
	ck_assert_int_eq(re.status, 422);
	begin(DIALECT_V1);
	response_error(&re, E_NOT_FOUND, "No such \"thing\"");
	ck_str(body(), "{\"success\":false,\"error\":\"Not found\","
	    "\"message\":\"No such \\\"thing\\\"\",\"code\":\"NOT_FOUND\","
	    META "}");
}
END_TEST

START_TEST(bare_data_and_raw_bytes_have_no_envelope)
{
	begin(DIALECT_API);
	data("{\"active_now\":false}");
	re.bare = true;
	ck_str(response_render(&re, &rq), "{\"active_now\":false}");
	ck_str(header("Content-Type"), "application/json");
	begin(DIALECT_ROOT);
	re.raw = STR("up 1\n");
	re.content_type = "text/plain; version=0.0.4";
	ck_str(response_render(&re, &rq), "up 1\n");
	ck_str(header("Content-Type"), "text/plain; version=0.0.4");
}
END_TEST

START_TEST(an_answer_without_content_has_no_body_and_no_type)
{
	begin(DIALECT_V1);
	re.status = 204;
	ck_assert_uint_eq(response_render(&re, &rq).n, 0);
	ck_assert_ptr_null(header("Content-Type").p);
}
END_TEST

/* row HT3 */
START_TEST(every_answer_is_safe_to_receive)
{
	begin(DIALECT_V1);
	response_render(&re, &rq);
	ck_str(header("X-Request-Id"), "req-1");
	ck_str(header("Cache-Control"), "no-store");
	ck_str(header("X-Content-Type-Options"), "nosniff");
	ck_str(header("Referrer-Policy"), "no-referrer");
	ck_assert_ptr_null(header("Strict-Transport-Security").p);
	begin(DIALECT_V1);
	params[0] = (struct param){ STR("HTTPS"), STR("on") };
	rq.nparams = 1;
	response_header(&re, "Cache-Control", STR("max-age=60"));
	response_render(&re, &rq);
	ck_str(header("Strict-Transport-Security"), "max-age=31536000");
	ck_str(header("Cache-Control"), "max-age=60");
}
END_TEST

static void
fails(enum err e)
{
	begin(DIALECT_V1);
	response_error(&re, e, NULL);
	response_render(&re, &rq);
}

/* row JW11; RFC 6750, 3 */
START_TEST(a_status_brings_the_header_it_demands)
{
	fails(E_UNAUTHENTICATED);
	ck_str(header("WWW-Authenticate"), "Bearer realm=\"api\"");
	fails(E_CREDENTIALS);
	ck_str(header("WWW-Authenticate"), "Bearer realm=\"api\"");
	fails(E_TOKEN_INVALID);
	ck_str(header("WWW-Authenticate"),
	    "Bearer realm=\"api\", error=\"invalid_token\"");
	fails(E_SCOPE);
	ck_str(header("WWW-Authenticate"),
	    "Bearer realm=\"api\", error=\"insufficient_scope\"");
	fails(E_FORBIDDEN);
	ck_assert_ptr_null(header("WWW-Authenticate").p);
	fails(E_METHOD);
	ck_assert_ptr_nonnull(header("Allow").p);
	fails(E_LIMITED);
	ck_assert_ptr_nonnull(header("Retry-After").p);
	fails(E_BUSY);
	ck_assert_ptr_nonnull(header("Retry-After").p);
	fails(E_LOCKED); /* waiting may not help */
	ck_assert_ptr_null(header("Retry-After").p);
	fails(E_NOT_FOUND);
	ck_assert_ptr_null(header("Retry-After").p);
}
END_TEST

START_TEST(a_header_is_one_line)
{
	begin(DIALECT_V1);
	response_header(&re, "Location", STR("a\r\nSet-Cookie: x"));
	response_header(&re, "Location", STR("a\nb"));
	response_header(&re, "Location", STR("a\0b"));
	response_header(&re, "Location", STR_NONE);
	ck_assert_uint_eq(re.nheaders, 0);
}
END_TEST

/* nginx answers 502 above one page of headers */
START_TEST(headers_stay_under_four_kilobytes)
{
	struct str big = arena_fmt(a, "%01000d", 0);
	size_t sum = 0;

	begin(DIALECT_V1);
	for (int i = 0; i < 4; i++)
		response_header(&re, "X-Big", big);
	for (int i = 0; i < 2 * RESPONSE_HEADERS; i++)
		response_header(&re, "X-Small", STR("1"));
	response_error(&re, E_TOKEN_INVALID, NULL);
	response_render(&re, &rq);
	/* and what safety needs finds its place all the same */
	ck_assert_ptr_nonnull(header("WWW-Authenticate").p);
	ck_assert_ptr_nonnull(header("Content-Type").p);
	ck_assert_uint_le(re.nheaders, RESPONSE_HEADERS);
	for (size_t i = 0; i < re.nheaders; i++)
		sum += strlen(re.headers[i].name) + re.headers[i].value.n + 4;
	ck_assert_uint_lt(sum, 4096);
}
END_TEST

UNIT("http/response", a_success_has_the_envelope, pages_are_counted_upwards,
    no_data_is_null_in_both_dialects,
    v1_has_the_documented_camel_names_beside_the_snake_ones,
    api_has_both_names_at_every_depth_and_hoists,
    hoisting_never_covers_the_envelope, api_leaves_arrays_in_data,
    a_name_that_is_there_already_is_not_doubled,
    nesting_cannot_make_an_answer_grow_without_end,
    names_change_their_case_both_ways, an_error_has_its_envelope,
    bare_data_and_raw_bytes_have_no_envelope,
    an_answer_without_content_has_no_body_and_no_type,
    every_answer_is_safe_to_receive, a_status_brings_the_header_it_demands,
    a_header_is_one_line, headers_stay_under_four_kilobytes)
