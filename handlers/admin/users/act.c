/* POST /admin/users/{id}/activate, deactivate, unlock, … */
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

/* The account as it is after the act. */
static enum err
act(struct call *c, enum admin_user_act what, const char *message)
{
	struct admin_user u;
	enum err e = admin_user_act(c->ctx, admin_actor(c), c->arg[0], what,
	    NULL);

	if (e == E_OK)
		e = admin_user_get(c->ctx, c->arg[0], &u);
	return e != E_OK ? e : answer(c, 200, message,
	    admin_answer_user(&u));
}

static enum err
activate(struct call *c)
{
	return act(c, ADMIN_ACTIVATE, "User activated successfully");
}

static enum err
deactivate(struct call *c)
{
	return act(c, ADMIN_DEACTIVATE, "User deactivated successfully");
}

static enum err
unlock(struct call *c)
{
	return act(c, ADMIN_UNLOCK, "User unlocked successfully");
}

static enum err
require_reset(struct call *c)
{
	return act(c, ADMIN_REQUIRE_RESET,
	    "The user must set a new password before the next login");
}

const struct handler admin_users_activate = { NULL, activate };
const struct handler admin_users_deactivate = { NULL, deactivate };
const struct handler admin_users_unlock = { NULL, unlock };
const struct handler admin_users_require_reset = { NULL, require_reset };
