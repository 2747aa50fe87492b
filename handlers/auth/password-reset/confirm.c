/* POST /auth/password-reset/confirm */
#include "core/account/password_change.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"

enum { TOKEN, NEW_PASSWORD };

static const struct field fields[] = {
	[TOKEN] = FIELDS_MAILED_TOKEN,
	[NEW_PASSWORD] = FIELDS_NEW_PASSWORD,
	{ 0 },
};

static enum err
run_reset_confirm(struct call *c)
{
	enum err e = password_reset_confirm(c->ctx, given(c, TOKEN),
	    given(c, NEW_PASSWORD));

	return e != E_OK ? e : answer(c, 200, "Password reset successfully. "
	    "You can now log in with your new password", NULL);
}

const struct handler auth_password_reset_confirm = { fields,
    run_reset_confirm };
