/* GET, DELETE /auth/sessions · DELETE /auth/sessions/{id} */
#include "handlers/handlers.h"

static cJSON *
entry(struct call *c, const struct session_entry *s)
{
	cJSON *o = json_object();

	json_add_str(o, "id", s->id);
	json_add_int(o, "numeric_id", s->numeric_id);
	json_add_str(o, "ip_address", s->ip_address);
	json_add_str(o, "user_agent", s->user_agent);
	json_add_time(o, "created_at", s->created_at);
	json_add_time(o, "last_accessed", s->last_used_at);
	json_add_time(o, "expires_at", s->expires_at);
	json_add_bool(o, "is_active", true);
	json_add_bool(o, "current", str_eq(s->id, c->actor.session->id));
	return o;
}

static enum err
list(struct call *c)
{
	struct session_entry *s;
	cJSON *array = json_array();
	int64_t total;
	long limit, offset;
	size_t n;
	enum err e = answer_page(c, &limit, &offset);

	if (e == E_OK)
		e = session_list(c->ctx, c->actor.session->account.id, limit,
		    offset, &s, &n, &total);
	if (e != E_OK)
		return e;
	for (size_t i = 0; i < n; i++)
		json_push(array, entry(c, &s[i]));
	c->re->page->total = total;
	return answer(c, 200, "Sessions retrieved successfully", array);
}

static enum err
end_one(struct call *c)
{
	enum err e = session_end_one(c->ctx, c->actor.session->account.id,
	    c->arg[0]);

	return e != E_OK ? e : answer(c, 200, "Session ended", NULL);
}

static enum err
end_others(struct call *c)
{
	const struct session *s = c->actor.session;
	enum err e = session_end(c->ctx, s->account.id, s->id, SESSION_OTHERS,
	    "ended by user");

	return e != E_OK ? e : answer(c, 200, "All other sessions ended",
	    NULL);
}

const struct handler auth_sessions_list = { NULL, list };
const struct handler auth_sessions_end_one = { NULL, end_one };
const struct handler auth_sessions_end_others = { NULL, end_others };
