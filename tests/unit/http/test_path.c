#include "tests/unit/unit.h"

#include "http/path.h"
#include "http/request_make.h"

static struct str got;
static enum dialect mount;

static enum err
canon(const char *uri)
{
	return path_canonical(a, str_of(uri), &got);
}

/* The whole way, as request_make goes it. */
static enum err
route(const char *uri, const char *base, const char *script)
{
	struct str path;
	enum err e = path_canonical(a, str_of(uri), &path);

	return e != E_OK ? e : path_mount(path, str_of(base), str_of(script),
	    &mount, &got);
}

static void
is(const char *uri, const char *base, const char *script,
    enum dialect dialect, const char *below)
{
	ck_assert_msg(route(uri, base, script) == E_OK, "%s", uri);
	ck_assert_int_eq(mount, dialect);
	ck_str(got, below);
}

START_TEST(segments_are_decoded_once)
{
	ck_assert_int_eq(canon("/a/%62/c%20d?x=/../"), E_OK);
	ck_str(got, "/a/b/c d");
	ck_assert_int_eq(canon("/a/%2562"), E_OK);
	ck_str(got, "/a/%62");
	ck_assert_int_eq(canon("/%c3%a9"), E_OK);
	ck_str(got, "/\xc3\xa9");
}
END_TEST

/* row HB6 */
START_TEST(what_has_no_canonical_form_is_refused)
{
	static const char *const bad[] = { "", "a", "*", "/a/../b", "/a/..",
		"/../a", "/a/./b", "/.", "/a/%2e%2e/b", "/a/.%2E/b", "/a%2fb",
		"/a%2Fb", "/a\\b", "/a%5cb", "/a%00b", "/a%0ab", "/a\tb",
		"/a%7f", "/%ff", "/%c0%af", "/%ed%a0%80", "/%", "/%2",
		"/%zz", "/a#b", "host:443" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(canon(bad[i]) == E_BAD_REQUEST, "%s", bad[i]);
	ck_assert_int_eq(path_canonical(a, STR("/a\0b"), &got),
	    E_BAD_REQUEST);
}
END_TEST

/* row HB6 */
START_TEST(empty_segments_and_parameters_are_not_found)
{
	static const char *const gone[] = { "//a", "/a//b", "/a//", "///",
		"/a;x=1", "/a;/b", "/a%3bb" };

	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		ck_assert_msg(canon(gone[i]) == E_NOT_FOUND, "%s", gone[i]);
}
END_TEST

START_TEST(one_slash_at_the_end_is_the_same_path)
{
	ck_assert_int_eq(canon("/a/b/"), E_OK);
	ck_str(got, "/a/b");
	ck_assert_int_eq(canon("/"), E_OK);
	ck_str(got, "/");
}
END_TEST

/* RFC 9112, 3.2.2 */
START_TEST(scheme_and_host_of_an_absolute_target_are_dropped)
{
	ck_assert_int_eq(canon("http://h.test/a/b?c"), E_OK);
	ck_str(got, "/a/b");
	ck_assert_int_eq(canon("HTTPS://h.test:8443/a"), E_OK);
	ck_str(got, "/a");
	ck_assert_int_eq(canon("http://h.test"), E_OK);
	ck_str(got, "/");
	ck_assert_int_eq(canon("ftp://h.test/a"), E_BAD_REQUEST);
}
END_TEST

START_TEST(mounts_choose_the_dialect)
{
	is("/api/v1/auth/login", "", "", DIALECT_V1, "/auth/login");
	is("/api/auth/login", "", "", DIALECT_API, "/auth/login");
	is("/api/health", "", "", DIALECT_API, "/health");
	is("/health/live", "", "", DIALECT_ROOT, "/health/live");
	is("/openapi.json", "", "", DIALECT_ROOT, "/openapi.json");
	is("/.well-known/jwks.json", "", "", DIALECT_ROOT,
	    "/.well-known/jwks.json");
	is("/api/v10/x", "", "", DIALECT_API, "/v10/x");
	is("/api/v1", "", "", DIALECT_V1, "/");
}
END_TEST

/* row HB6: no second way in */
START_TEST(the_api_is_not_served_at_the_root_or_in_other_letters)
{
	ck_assert_int_eq(route("/auth/login", "", ""), E_NOT_FOUND);
	ck_assert_int_eq(route("/", "", ""), E_NOT_FOUND);
	ck_assert_int_eq(route("/API/v1/auth/login", "", ""), E_NOT_FOUND);
	ck_assert_int_eq(route("/healthx", "", ""), E_NOT_FOUND);
	ck_assert_int_eq(route("/apix/auth/login", "", ""), E_NOT_FOUND);
}
END_TEST

/* SCRIPT_NAME as the servers were seen to send it (ecosystem notes, 1.7) */
START_TEST(every_web_server_gives_the_same_route)
{
	/* nginx, mod_proxy_fcgi by ProxyPass: the whole path */
	is("/api/v1/auth/login", "", "/api/v1/auth/login", DIALECT_V1,
	    "/auth/login");
	/* Caddy: nothing */
	is("/api/v1/auth/login", "", "", DIALECT_V1, "/auth/login");
	/* lighttpd, HAProxy: the prefix that was matched */
	is("/api/v1/auth/login", "", "/api", DIALECT_V1, "/auth/login");
	is("/api/v1/auth/login", "", "/api/v1", DIALECT_V1, "/auth/login");
	/* Apache: ScriptAlias /auth, SetHandler below /auth */
	is("/auth/api/v1/auth/login", "", "/auth", DIALECT_V1, "/auth/login");
	is("/auth/health", "", "/auth", DIALECT_ROOT, "/health");
	/* CGI */
	is("/cgi-bin/postern/api/auth/login", "", "/cgi-bin/postern",
	    DIALECT_API, "/auth/login");
	/* nginx below a prefix: only the setting tells */
	is("/sso/api/v1/auth/login", "/sso", "/sso/api/v1/auth/login",
	    DIALECT_V1, "/auth/login");
	is("/sso/api/v1/auth/login", "/sso/", "", DIALECT_V1, "/auth/login");
	is("/api/v1/auth/login", "/sso", "", DIALECT_V1, "/auth/login");
}
END_TEST

/* row HB6: CVE-2019-19791, index.fcgi/index.fcgi */
START_TEST(a_prefix_comes_off_once_and_only_at_a_slash)
{
	ck_assert_int_eq(route("/x/x/api/v1/a", "", "/x"), E_NOT_FOUND);
	ck_assert_int_eq(route("/index.fcgi/index.fcgi/api/a", "",
	    "/index.fcgi"), E_NOT_FOUND);
	ck_assert_int_eq(route("/authapi/v1/a", "", "/auth"), E_NOT_FOUND);
	ck_assert_int_eq(route("/auth", "", "/auth"), E_NOT_FOUND);
	ck_assert_int_eq(route("/x/api/v1/a", "", "/"), E_NOT_FOUND);
}
END_TEST

UNIT("http/path", segments_are_decoded_once,
    what_has_no_canonical_form_is_refused,
    empty_segments_and_parameters_are_not_found,
    one_slash_at_the_end_is_the_same_path,
    scheme_and_host_of_an_absolute_target_are_dropped,
    mounts_choose_the_dialect,
    the_api_is_not_served_at_the_root_or_in_other_letters,
    every_web_server_gives_the_same_route,
    a_prefix_comes_off_once_and_only_at_a_slash)
