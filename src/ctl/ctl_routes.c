#include "ctl/ctl.h"
#include "web/route.h"

static const char *
who_text(enum who w)
{
	static const char *const names[] = {
		[WHO_ANYONE] = "anyone", [WHO_USER] = "user",
		[WHO_KEY] = "key", [WHO_USER_OR_KEY] = "user or key",
		[WHO_PERMISSION] = "permission",
		[WHO_FACTOR] = "challenge, key or user",
		[WHO_ANYONE_OR_USER] = "anyone or user",
	};

	return names[w];
}

static const char *
bucket_text(enum bucket b)
{
	static const char *const names[] = {
		[BUCKET_NONE] = "none", [BUCKET_LOGIN] = "login",
		[BUCKET_REGISTER] = "register", [BUCKET_SIGNUP] = "signup",
		[BUCKET_RESET] = "password_reset",
		[BUCKET_ANONYMOUS] = "anonymous", [BUCKET_USER] = "user",
		[BUCKET_ADMIN] = "admin",
	};

	return names[b];
}

/* Which callers need a recent login? */
static const char *
proof_text(unsigned flags)
{
	return flags & ROUTE_RECENT ? "recent" :
	    flags & ROUTE_STAFF ? "recent of administrators" : "";
}

static int
run_routes(struct ctl *c)
{
	cJSON *rows = json_array();

	for (size_t i = 0; i < routes_count; i++) {
		const struct route *r = &routes[i];
		cJSON *row = json_object();

		json_add_str(row, "method", str_of(route_method(r->method)));
		json_add_str(row, "path", str_of(r->path));
		json_add_str(row, "aliases", str_of(r->aliases));
		json_add_str(row, "who", str_of(who_text(r->who)));
		json_add_str(row, "needs", str_of(r->need));
		json_add_str(row, "limit", str_of(bucket_text(r->bucket)));
		json_add_str(row, "lane", r->lane == LANE_HEAVY ?
		    STR("heavy") : STR("light"));
		json_add_str(row, "proof", str_of(proof_text(r->flags)));
		json_add_bool(row, "enrol", r->flags & ROUTE_ENROL);
		json_add_str(row, "doc", str_of(r->doc));
		json_push(rows, row);
	}
	return ctl_print(c, rows);
}

const struct ctl_command ctl_routes[] = {
	{ "routes", "", 0, 0, CTL_NEEDS_NOTHING, NULL, run_routes,
	    "The table of all routes" },
	{ 0 },
};
