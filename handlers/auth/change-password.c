/* POST /auth/change-password, /user/change-password */
#include "core/account/password_change.h"
#include "handlers/shared/handlers.h"

enum { OLD_PASSWORD, NEW_PASSWORD };

static const struct field fields[] = {
	[OLD_PASSWORD] = { .name = "old_password",
		.aliases = "current_password", .type = FIELD_PASSWORD,
		.required = true, .doc = "The current password" },
	[NEW_PASSWORD] = { .name = "new_password", .type = FIELD_PASSWORD,
		.required = true, .doc = "The new password" },
	{ 0 },
};

static enum err
run_change_password(struct call *c)
{
	enum err e = password_change(c->ctx, c->actor.session,
	    given(c, OLD_PASSWORD), given(c, NEW_PASSWORD));

	return e != E_OK ? e : answer(c, 200,
	    "Password changed successfully", NULL);
}

const struct handler auth_change_password = { fields, run_change_password };
