/* GET, DELETE /auth/sessions · DELETE /auth/sessions/{id} */
#include "handlers/shared/handlers.h"

static enum err
list_own_sessions(struct call *c)
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
		json_push(array, answer_session(&s[i], c->actor.session->id));
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

const struct handler auth_sessions_list = { NULL, list_own_sessions };
const struct handler auth_sessions_end_one = { NULL, end_one };
const struct handler auth_sessions_end_others = { NULL, end_others };
