/* The lane a light worker reads off a request before anybody parsed it. */
#include "tests/unit/unit.h"

#include "http/request_make.h"
#include "web/route.h"

/* What a worker asks: the target, below /base or the script's name. */
static enum row_lane
lane(const char *method, const char *override, const char *uri)
{
	const struct param params[] = {
		{ STR("REQUEST_METHOD"), str_of(method) },
		{ STR("REQUEST_URI"), str_of(uri) },
		{ STR("SCRIPT_NAME"), STR("/cgi-bin/postern") },
		{ STR("HTTP_X_HTTP_METHOD_OVERRIDE"), str_of(override) },
	};
	struct request r = { .arena = a, .params = params,
		.nparams = override ? 4 : 3 };

	return request_target(&r, "/base") == E_OK ? route_lane(&r) :
	    LANE_LIGHT;
}

static void
ck_lane(const char *method, const char *uri, enum row_lane want)
{
	ck_assert_msg(lane(method, NULL, uri) == want, "%s %s", method, uri);
}

START_TEST(what_hashes_a_password_takes_the_heavy_lane)
{
	ck_lane("POST", "/api/v1/auth/login", LANE_HEAVY);
	ck_lane("POST", "/base/api/auth/login/?x=y", LANE_HEAVY);
	ck_lane("DELETE", "/api/v1/auth/me", LANE_HEAVY);
	ck_lane("DELETE", "/api/user/profile", LANE_HEAVY);
}
END_TEST

/* The path of a row that hashes has others, which must not wait for it. */
START_TEST(another_method_of_the_same_path_stays_light)
{
	ck_lane("GET", "/api/v1/auth/me", LANE_LIGHT);
	ck_lane("HEAD", "/api/v1/auth/me", LANE_LIGHT);
	ck_lane("PATCH", "/api/v1/auth/me", LANE_LIGHT);
	ck_lane("GET", "/api/v1/admin/users", LANE_LIGHT);
}
END_TEST

/* One spelling more than the lane knew, and a hash kept the cheap ones. */
START_TEST(no_spelling_of_a_path_that_hashes_is_light)
{
	static const char *const uris[] = { "/auth/logi%6e", "/auth/login/",
		"/%61uth/%6Cogin", "/auth/login?x=/../y", "/auth/login/?" };
	static const char *const below[] = { "/api/v1", "/api", "/base/api/v1",
		"/base/api", "/cgi-bin/postern/api/v1", "http://h/api",
		"/b%61se/api/%761" };

	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++)
		for (size_t k = 0; k < sizeof(below) / sizeof(*below); k++)
			ck_lane("POST", arena_fmt(a, "%s%s", below[k],
			    uris[i]).p, LANE_HEAVY);
	ck_lane("POST", "/api/v1/auth//login", LANE_LIGHT); /* 404 */
	ck_lane("POST", "/api/v1/Auth/Login", LANE_LIGHT);
	ck_lane("POST", "/health/auth/login", LANE_LIGHT);
}
END_TEST

START_TEST(an_overridden_method_is_the_one_that_counts)
{
	ck_lane("POST", "/api/v1/auth/me", LANE_LIGHT); /* 405 */
	ck_assert_int_eq(lane("POST", "DELETE", "/api/v1/auth/me"),
	    LANE_HEAVY);
	ck_assert_int_eq(lane("POST", "PATCH", "/api/v1/auth/me"), LANE_LIGHT);
	ck_assert_int_eq(lane("GET", "DELETE", "/api/v1/auth/me"), LANE_LIGHT);
	ck_lane("POST", "/api/v1/auth/refresh", LANE_LIGHT);
}
END_TEST

UNIT("web/route", what_hashes_a_password_takes_the_heavy_lane,
    another_method_of_the_same_path_stays_light,
    no_spelling_of_a_path_that_hashes_is_light,
    an_overridden_method_is_the_one_that_counts)
