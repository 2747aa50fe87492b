/* The lane a light worker reads off a request before anybody parsed it. */
#include "unit.h"

#include "app/route.h"

static void
ck_lane(const char *method, const char *uri, enum row_lane want)
{
	ck_assert_msg(route_lane(str_of(method), str_of(uri), "/base") == want,
	    "%s %s", method ? method : "(none)", uri);
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

START_TEST(a_method_that_may_be_overridden_is_what_any_row_is)
{
	ck_lane("POST", "/api/v1/auth/me", LANE_HEAVY);
	ck_lane(NULL, "/api/v1/auth/me", LANE_HEAVY);
	ck_lane("POST", "/api/v1/auth/refresh", LANE_LIGHT);
}
END_TEST

UNIT("app/route", what_hashes_a_password_takes_the_heavy_lane,
    another_method_of_the_same_path_stays_light,
    a_method_that_may_be_overridden_is_what_any_row_is)
