/* POST /auth/logout */
#include "handlers/shared/handlers.h"

enum { REFRESH_TOKEN, SCOPE };

static const struct field fields[] = {
	[REFRESH_TOKEN] = { .name = "refresh_token", .type = FIELD_TOKEN,
		.doc = "Accepted and ignored; the access token names the "
		    "session" },
	[SCOPE] = { .name = "scope", .type = FIELD_CHOICE,
		.choices = "this others all",
		.doc = "Which sessions to end; this one if left out" },
	{ 0 },
};

static enum err
run_logout(struct call *c)
{
	const struct session *s = c->actor.session;
	struct str word = given(c, SCOPE);
	enum session_scope scope = SESSION_THIS;
	enum err e;

	if (str_eq(word, STR("others")))
		scope = SESSION_OTHERS;
	else if (str_eq(word, STR("all")))
		scope = SESSION_ALL;
	e = session_end(c->ctx, s->account.id, s->id, scope, "logout");
	return e != E_OK ? e : answer(c, 200, "Logged out successfully",
	    NULL);
}

const struct handler auth_logout = { fields, run_logout };
