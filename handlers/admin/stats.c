/* GET /admin/stats */
#include "handlers/admin.h"
#include "handlers/handlers.h"

static enum err
run(struct call *c)
{
	struct admin_stats s;
	cJSON *data = json_object(), *day = json_object();
	enum err e = admin_stats(c->ctx, &s);

	if (e != E_OK)
		return e;
	json_add_int(data, "total_users", s.users);
	json_add_int(data, "inactive_users", s.inactive);
	json_add_int(data, "unverified_users", s.unverified);
	json_add_int(data, "active_sessions", s.sessions);
	json_add_int(data, "api_keys", s.api_keys);
	json_add_int(data, "roles", s.roles);
	json_add_int(day, "logins", s.logins);
	json_add_int(day, "failed_logins", s.failed_logins);
	json_add_int(day, "registrations", s.registrations);
	json_add(data, "last_24_hours", day);
	return answer(c, 200, "Statistics retrieved successfully", data);
}

const struct handler admin_stats_get = { NULL, run };
