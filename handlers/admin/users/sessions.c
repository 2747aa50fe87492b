/* GET, DELETE /admin/users/{id}/sessions */
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

static enum err
list_user_sessions(struct call *c)
{
	struct session_entry *s = NULL;
	struct listing l;
	struct admin_user u;
	enum err e = answer_page(c, &l.limit, &l.offset);

	if (e == E_OK)
		e = admin_user_get(c->ctx, c->arg[0], &u);
	if (e == E_OK)
		e = session_list(c->ctx, u.account.id, l.limit, l.offset, &s,
		    &l.n, &l.total);
	return answer_rows(c, e, "Sessions retrieved successfully", &l, s,
	    sizeof *s, answer_session);
}

static enum err
end_all(struct call *c)
{
	cJSON *data = json_object();
	int64_t count = 0;
	enum err e = admin_user_act(c->ctx, admin_actor(c), c->arg[0],
	    ADMIN_END_SESSIONS, &count);

	json_add_int(data, "ended", count);
	return e != E_OK ? e : answer(c, 200, "All sessions ended", data);
}

const struct handler admin_users_sessions = { NULL, list_user_sessions };
const struct handler admin_users_end_sessions = { NULL, end_all };
