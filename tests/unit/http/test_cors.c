#include "tests/unit/unit.h"

#include "http/cors.h"

static struct request rq;
static struct response re;

static void
ask(enum method m, const char *const *pairs)
{
	static struct param params[8];
	size_t n = 0;

	for (; *pairs; pairs += 2)
		params[n++] = (struct param){ str_of(pairs[0]),
			str_of(pairs[1]) };
	rq = (struct request){ .arena = a, .method = m, .params = params,
		.nparams = n };
	re = (struct response){ 0 };
}

#define ASK(m, ...) ask((m), (const char *const[]){ __VA_ARGS__, NULL })

static struct str
header(const char *name)
{
	for (size_t i = 0; i < re.nheaders; i++)
		if (strcmp(re.headers[i].name, name) == 0)
			return re.headers[i].value;
	return STR_NONE;
}

#define ALLOW "Access-Control-Allow-Origin"
#define CREDENTIALS "Access-Control-Allow-Credentials"
#define SITES "https://a.test, https://b.test:8443"

/* row HT6 */
START_TEST(only_listed_origins_are_named)
{
	static const char *const others[] = { "https://c.test",
		"https://a.test.evil.test", "http://a.test", "https://a.tes",
		"https://A.test", "https://a.test:443", "https://a.test/",
		"https://b.test", "https://a.test,", "", "null" };

	ASK(METHOD_GET, "HTTP_ORIGIN", "https://a.test");
	cors_headers(&re, &rq, SITES);
	ck_str(header(ALLOW), "https://a.test");
	ck_str(header(CREDENTIALS), "true");
	ck_str(header("Vary"), "Origin");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		ASK(METHOD_GET, "HTTP_ORIGIN", others[i]);
		cors_headers(&re, &rq, SITES);
		ck_assert_msg(header(ALLOW).p == NULL, "%s", others[i]);
		ck_assert_ptr_null(header(CREDENTIALS).p);
		ck_str(header("Vary"), "Origin");
	}
}
END_TEST

/* row HT6 */
START_TEST(everybody_never_comes_with_credentials)
{
	ASK(METHOD_GET, "HTTP_ORIGIN", "https://c.test");
	cors_headers(&re, &rq, "*");
	ck_str(header(ALLOW), "*");
	ck_assert_ptr_null(header(CREDENTIALS).p);
	ASK(METHOD_GET, "HTTP_ORIGIN", "https://a.test");
	cors_headers(&re, &rq, "https://a.test *");
	ck_str(header(ALLOW), "*");
	ck_assert_ptr_null(header(CREDENTIALS).p);
}
END_TEST

/* row HT6 */
START_TEST(null_and_two_origins_are_never_allowed)
{
	ASK(METHOD_GET, "HTTP_ORIGIN", "null");
	cors_headers(&re, &rq, "null");
	ck_assert_ptr_null(header(ALLOW).p);
	ASK(METHOD_GET, "HTTP_ORIGIN", "null");
	cors_headers(&re, &rq, "*");
	ck_assert_ptr_null(header(ALLOW).p);
	ASK(METHOD_GET, "HTTP_ORIGIN", "https://a.test", "HTTP_ORIGIN",
	    "https://a.test");
	cors_headers(&re, &rq, SITES);
	ck_assert_ptr_null(header(ALLOW).p);
}
END_TEST

START_TEST(without_an_origin_nothing_is_allowed)
{
	ASK(METHOD_GET, "X", "y");
	cors_headers(&re, &rq, "");
	ck_assert_ptr_null(header(ALLOW).p);
}
END_TEST

#define WANTS "HTTP_ACCESS_CONTROL_REQUEST_METHOD"

START_TEST(a_preflight_is_answered_without_content)
{
	ASK(METHOD_OPTIONS, "HTTP_ORIGIN", "https://a.test", WANTS, "PUT");
	ck_assert(cors_preflight(&re, &rq, SITES));
	ck_assert_int_eq(re.status, 204);
	ck_str(header(ALLOW), "https://a.test");
	ck_assert_ptr_nonnull(strstr(
	    header("Access-Control-Allow-Methods").p, "PUT"));
	ck_assert_ptr_nonnull(strstr(
	    header("Access-Control-Allow-Headers").p, "Authorization"));
	ASK(METHOD_OPTIONS, "HTTP_ORIGIN", "https://c.test", WANTS, "PUT");
	ck_assert(cors_preflight(&re, &rq, SITES));
	ck_assert_ptr_null(header(ALLOW).p);
	ck_assert_ptr_null(header("Access-Control-Allow-Methods").p);
}
END_TEST

START_TEST(other_options_are_no_preflight)
{
	ASK(METHOD_OPTIONS, "HTTP_ORIGIN", "https://a.test");
	ck_assert(!cors_preflight(&re, &rq, SITES));
	ASK(METHOD_OPTIONS, WANTS, "PUT");
	ck_assert(!cors_preflight(&re, &rq, SITES));
	ASK(METHOD_POST, "HTTP_ORIGIN", "https://a.test", WANTS, "PUT");
	ck_assert(!cors_preflight(&re, &rq, SITES));
}
END_TEST

UNIT("http/cors", only_listed_origins_are_named,
    everybody_never_comes_with_credentials,
    null_and_two_origins_are_never_allowed,
    without_an_origin_nothing_is_allowed,
    a_preflight_is_answered_without_content, other_options_are_no_preflight)
