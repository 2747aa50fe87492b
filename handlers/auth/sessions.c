/* GET, DELETE /auth/sessions · DELETE /auth/sessions/{id} */
#include "handlers/shared/handlers.h"

static enum err
list_own_sessions(struct call *c)
{
	struct session_entry *s = NULL;
	struct listing l;
	enum err e = answer_page(c, &l.limit, &l.offset);

	if (e == E_OK)
		e = session_list(c->ctx, c->actor.session->account.id, l.limit,
		    l.offset, &s, &l.n, &l.total);
	return answer_rows(c, e, "Sessions retrieved successfully", &l, s,
	    sizeof *s, answer_session);
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
