/* GET /admin/stats */
#include "base/clock.h"
#include "core/outgoing/backlog.h"
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

static cJSON *
kind(const struct backlog_kind *k)
{
	cJSON *o = json_object();

	json_add_str(o, "kind", k->kind);
	json_add_int(o, "ready", k->ready);
	json_add_int(o, "due", k->due);
	json_add_int(o, "sending", k->sending);
	json_add_int(o, "oldest_due_seconds", k->oldest / CLOCK_SECOND);
	json_add_int(o, "dead", k->dead);
	json_add_int(o, "expired", k->expired);
	return o;
}

static enum err
add_queue(struct call *c, cJSON *data)
{
	cJSON *o = json_object(), *list = json_array();
	struct backlog_kind *kinds;
	struct backlog b;
	size_t n = 0;
	enum err e = backlog_recent(c->ctx, &b);

	if (e == E_OK)
		e = backlog_kinds(c->ctx->db, c->ctx->arena, &kinds, &n);
	if (e != E_OK)
		return e;
	for (size_t i = 0; i < n; i++)
		json_push(list, kind(&kinds[i]));
	json_add_bool(o, "backlog", b.alarm);
	json_add(o, "kinds", list);
	json_add(data, "queue", o);
	return E_OK;
}

static enum err
run_stats(struct call *c)
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
	e = add_queue(c, data);
	if (e != E_OK)
		return e;
	return answer(c, 200, "Statistics retrieved successfully", data);
}

const struct handler admin_stats_get = { NULL, run_stats };
