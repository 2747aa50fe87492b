/* POST /admin/users/{id}/reset-2fa */
#include "core/factor/factor.h"
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

static enum err
run_reset_2fa(struct call *c)
{
	struct admin_user u;
	enum err e = factor_reset(c->ctx, admin_actor(c), c->arg[0]);

	if (e == E_OK)
		e = admin_user_get(c->ctx, c->arg[0], &u);
	return e != E_OK ? e : answer(c, 200,
	    "Second factors removed; all sessions ended",
	    admin_answer_user(&u));
}

const struct handler admin_users_reset_2fa = { NULL, run_reset_2fa };
