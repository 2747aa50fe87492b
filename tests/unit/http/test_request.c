#include "tests/unit/unit.h"

#include "base/encoding.h"
#include "base/limits.h"
#include "http/request_make.h"

static struct param params[64];
static struct request rq;

/* A request of the names and values, ended by NULL; trusted proxies. */
static enum err
make(const char *trusted, const char *const *pairs)
{
	size_t n = 0;

	for (; *pairs; pairs += 2)
		params[n++] = (struct param){ str_of(pairs[0]),
			str_of(pairs[1]) };
	rq = (struct request){ .arena = a, .params = params, .nparams = n };
	return request_make(&rq, "", trusted);
}

#define MAKE(trusted, ...) \
	make((trusted), (const char *const[]){ \
	    "REQUEST_URI", "/api/v1/x", __VA_ARGS__, NULL })

static enum err
target(const char *uri)
{
	return make("", (const char *const[]){ "REQUEST_METHOD", "GET",
	    "REQUEST_URI", uri, NULL });
}

START_TEST(methods_are_words_in_capitals)
{
	ck_assert_int_eq(MAKE("", "REQUEST_METHOD", "GET"), E_OK);
	ck_assert_int_eq(rq.method, METHOD_GET);
	MAKE("", "REQUEST_METHOD", "DELETE");
	ck_assert_int_eq(rq.method, METHOD_DELETE);
	MAKE("", "REQUEST_METHOD", "get");
	ck_assert_int_eq(rq.method, METHOD_OTHER);
	MAKE("", "REQUEST_METHOD", "TRACE");
	ck_assert_int_eq(rq.method, METHOD_OTHER);
	MAKE("", "X", "y");
	ck_assert_int_eq(rq.method, METHOD_OTHER);
}
END_TEST

#define OVERRIDE "HTTP_X_HTTP_METHOD_OVERRIDE"

/* rows AP1, HB6 */
START_TEST(the_method_is_overridden_on_post_only)
{
	ck_assert_int_eq(MAKE("", "REQUEST_METHOD", "POST", OVERRIDE, "PUT"),
	    E_OK);
	ck_assert_int_eq(rq.method, METHOD_PUT);
	ck_assert_int_eq(MAKE("", "REQUEST_METHOD", "GET", OVERRIDE,
	    "DELETE"), E_OK);
	ck_assert_int_eq(rq.method, METHOD_GET);
	ck_assert_int_eq(MAKE("", "REQUEST_METHOD", "POST", OVERRIDE, "GET"),
	    E_METHOD);
	ck_assert_int_eq(MAKE("", "REQUEST_METHOD", "POST", OVERRIDE, "x"),
	    E_METHOD);
	ck_assert_int_eq(MAKE("", "REQUEST_METHOD", "POST", OVERRIDE, "PUT",
	    OVERRIDE, "DELETE"), E_BAD_REQUEST);
}
END_TEST

/* row LO3: what is logged cannot be chosen freely */
START_TEST(a_request_id_is_taken_only_when_well_formed)
{
	static const char *const bad[] = { "", "a b", "a\nb", "<x>", "\xc3\xa9",
		("0123456789012345678901234567890123456789012345678901234567890"
		"1234") };
	struct uuid u;

	MAKE("", "HTTP_X_REQUEST_ID", "aZ9._-");
	ck_str(rq.id, "aZ9._-");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		MAKE("", "HTTP_X_REQUEST_ID", bad[i]);
		ck_assert_msg(uuid_parse(rq.id, &u), "%s", bad[i]);
	}
	MAKE("", "X", "y");
	ck_assert(uuid_parse(rq.id, &u));
}
END_TEST

#define PEER "REMOTE_ADDR"
#define XFF "HTTP_X_FORWARDED_FOR"
#define PROXIES "10.0.0.0/8, 2001:db8:f::/48"

static void
client_is(const char *want)
{
	ck_str(rq.client, want);
}

/* row HB1 */
START_TEST(forwarded_headers_count_only_from_a_trusted_peer)
{
	MAKE("", PEER, "192.0.2.1", XFF, "198.51.100.9");
	client_is("192.0.2.1");
	MAKE(PROXIES, PEER, "192.0.2.1", XFF, "198.51.100.9");
	client_is("192.0.2.1");
	MAKE(PROXIES, PEER, "10.0.0.1", XFF, "198.51.100.9");
	client_is("198.51.100.9");
	MAKE(PROXIES, PEER, "::ffff:10.0.0.1", XFF, "198.51.100.9");
	client_is("198.51.100.9");
	MAKE(PROXIES, PEER, "10.0.0.1");
	client_is("10.0.0.1");
}
END_TEST

/* row HB1 */
START_TEST(the_client_is_the_rightmost_address_outside_the_proxies)
{
	MAKE(PROXIES, PEER, "10.0.0.1", XFF,
	    "1.1.1.1, 198.51.100.9,10.0.0.2 , 2001:db8:f::1");
	client_is("198.51.100.9");
	MAKE(PROXIES, PEER, "10.0.0.1", XFF, "10.0.0.3, 10.0.0.2");
	client_is("10.0.0.3");
	MAKE(PROXIES, PEER, "10.0.0.1", XFF, "198.51.100.9:4711");
	client_is("198.51.100.9");
	MAKE(PROXIES, PEER, "10.0.0.1", XFF, "[2001:DB8::9]:4711");
	client_is("2001:db8::9");
	MAKE(PROXIES, PEER, "10.0.0.1", XFF, "::ffff:198.51.100.9");
	client_is("198.51.100.9");
}
END_TEST

/* rows HB1, RL3; CVE-2024-47070: never skip, fall back to the peer */
START_TEST(whatever_is_unclear_gives_the_peer)
{
	static const char *const bad[] = { "", ",", "unknown", "198.51.100.9,",
		"198.51.100.9, x", "198.51.100.9 10.0.0.2", "_hidden",
		"fe80::1%eth0", "[::1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		MAKE(PROXIES, PEER, "10.0.0.1", XFF, bad[i]);
		ck_assert_msg(str_eq(rq.client, STR("10.0.0.1")), "%s: %s",
		    bad[i], rq.client.p);
	}
	/* X_Forwarded_For and X-Forwarded-For are one name in CGI */
	MAKE(PROXIES, PEER, "10.0.0.1", XFF, "1.1.1.1", XFF, "2.2.2.2");
	client_is("10.0.0.1");
	/* garbage left of the client is not looked at */
	MAKE(PROXIES, PEER, "10.0.0.1", XFF, "junk, 198.51.100.9");
	client_is("198.51.100.9");
}
END_TEST

START_TEST(without_a_peer_the_client_is_nobody)
{
	MAKE("0.0.0.0/0", XFF, "1.1.1.1");
	client_is("0.0.0.0");
	MAKE("0.0.0.0/0", PEER, "unix:", XFF, "1.1.1.1");
	client_is("0.0.0.0");
}
END_TEST

START_TEST(a_user_agent_is_short_text)
{
	struct str s;

	MAKE("", "HTTP_USER_AGENT", "curl/7\r\nx\x7f");
	ck_str(rq.user_agent, "curl/7??x?");
	MAKE("", "HTTP_USER_AGENT", "a\xff\xc3\xa9");
	ck_str(rq.user_agent, "a???");
	s = arena_fmt(a, "%0*d\xc3\xa9", LIMIT_USER_AGENT - 1, 0);
	MAKE("", "HTTP_USER_AGENT", s.p);
	ck_assert_uint_eq(rq.user_agent.n, LIMIT_USER_AGENT - 1);
	MAKE("", "X", "y");
	ck_str(rq.user_agent, "");
}
END_TEST

/* row HB7 */
START_TEST(a_query_has_each_name_once)
{
	ck_assert_int_eq(target("/api/x?a=1&b=x%20y+z&c&d="), E_OK);
	ck_str(request_query(&rq, "a"), "1");
	ck_str(request_query(&rq, "b"), "x y z");
	ck_str(request_query(&rq, "c"), "");
	ck_assert_ptr_null(request_query(&rq, "e").p);
	ck_assert_int_eq(target("/api/x?a=1&a=1"), E_BAD_REQUEST);
	ck_assert_int_eq(target("/api/x?a=1&%61=2"), E_BAD_REQUEST);
	ck_assert_int_eq(target("/api/x?a=1&A=2"), E_OK);
}
END_TEST

START_TEST(a_query_is_bounded_text)
{
	static const char *const bad[] = { "/api/x?a=%", "/api/x?a=%g0",
		"/api/x?a=%00", "/api/x?a=%ff", "/api/x?%0a=1" };
	struct buf many = buf_new(a, 4096);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(target(bad[i]) == E_BAD_REQUEST, "%s", bad[i]);
	ck_assert_int_eq(target(arena_fmt(a, "/api/x?a=%0*d", LIMIT_QUERY,
	    0).p), E_BAD_REQUEST);
	buf_add(&many, STR("/api/x?"));
	for (int i = 0; i < LIMIT_QUERY_PAIRS; i++)
		buf_fmt(&many, "%d=&", i);
	ck_assert_int_eq(target(buf_str(&many).p), E_OK);
	buf_add(&many, STR("x=1"));
	ck_assert_int_eq(target(buf_str(&many).p), E_BAD_REQUEST);
}
END_TEST

/* two parameters of one name reach us from nginx and HAProxy */
START_TEST(query_string_is_ignored)
{
	ck_assert_int_eq(make("", (const char *const[]){ "QUERY_STRING",
	    "a=1", "REQUEST_URI", "/api/x?a=2", NULL }), E_OK);
	ck_str(request_query(&rq, "a"), "2");
	ck_assert_int_eq(make("", (const char *const[]){ "PATH_INFO",
	    "/api/x", NULL }), E_BAD_REQUEST);
}
END_TEST

#define COOKIE "HTTP_COOKIE"

START_TEST(cookies_are_found_however_servers_join_them)
{
	MAKE("", COOKIE, "a=1; b=\"2\"", COOKIE, "c=3, d=4;e=x=y");
	ck_str(request_cookie(&rq, "a"), "1");
	ck_str(request_cookie(&rq, "b"), "2");
	ck_str(request_cookie(&rq, "c"), "3");
	ck_str(request_cookie(&rq, "d"), "4");
	ck_str(request_cookie(&rq, "e"), "x=y");
	ck_assert_ptr_null(request_cookie(&rq, "A").p);
	ck_assert_ptr_null(request_cookie(&rq, "f").p);
}
END_TEST

/* row SE6: a planted second cookie must not win by its place */
START_TEST(a_cookie_given_twice_is_not_used)
{
	MAKE("", COOKIE, "s=good; s=evil");
	ck_assert_ptr_null(request_cookie(&rq, "s").p);
	MAKE("", COOKIE, "s=good", COOKIE, "s=evil");
	ck_assert_ptr_null(request_cookie(&rq, "s").p);
}
END_TEST

START_TEST(a_refused_request_has_an_id_and_a_client)
{
	ck_assert_int_eq(make("", (const char *const[]){ "REQUEST_URI",
	    "/a/../b", PEER, "192.0.2.1", NULL }), E_BAD_REQUEST);
	ck_assert_uint_gt(rq.id.n, 0);
	client_is("192.0.2.1");
	ck_assert_ptr_nonnull(rq.path.p);
}
END_TEST

static enum err
body(const char *type, const char *text)
{
	const char *why;

	MAKE("", "CONTENT_TYPE", type);
	rq.body = str_of(text);
	return request_read_json(&rq, &why);
}

/* rows HT1, HB8 */
START_TEST(a_body_is_a_json_object_and_says_so)
{
	ck_assert_int_eq(body("application/json", "{\"a\":1}"), E_OK);
	ck_assert_ptr_nonnull(json_get(rq.json, "a"));
	ck_assert_int_eq(body("Application/JSON; charset=UTF-8", "{}"), E_OK);
	ck_assert_int_eq(body("application/json", "[]"), E_BAD_JSON);
	ck_assert_ptr_null(rq.json);
	ck_assert_int_eq(body("application/json", "\"x\""), E_BAD_JSON);
	ck_assert_int_eq(body("text/plain", "{}"), E_MEDIA_TYPE);
	ck_assert_int_eq(body("", "{}"), E_MEDIA_TYPE);
	ck_assert_int_eq(body("application/json; charset=latin1", "{}"),
	    E_MEDIA_TYPE);
	ck_assert_int_eq(body("application/jsonx", "{}"), E_MEDIA_TYPE);
	ck_assert_int_eq(body("text/plain", ""), E_OK);
	ck_assert_int_eq(body("application/json", arena_fmt(a, "\"%0*d\"",
	    LIMIT_BODY_JSON, 0).p), E_TOO_LARGE);
}
END_TEST

UNIT("http/request", methods_are_words_in_capitals,
    the_method_is_overridden_on_post_only,
    a_request_id_is_taken_only_when_well_formed,
    forwarded_headers_count_only_from_a_trusted_peer,
    the_client_is_the_rightmost_address_outside_the_proxies,
    whatever_is_unclear_gives_the_peer, without_a_peer_the_client_is_nobody,
    a_user_agent_is_short_text, a_query_has_each_name_once,
    a_query_is_bounded_text, query_string_is_ignored,
    cookies_are_found_however_servers_join_them,
    a_cookie_given_twice_is_not_used,
    a_refused_request_has_an_id_and_a_client,
    a_body_is_a_json_object_and_says_so)
