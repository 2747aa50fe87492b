/* POST /auth/password-reset/request */
#include "core/account/password_change.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"

enum { EMAIL };

static const struct field fields[] = {
	[EMAIL] = FIELDS_EMAIL,
	{ 0 },
};

static enum err
run_reset_request(struct call *c)
{
	enum err e = password_reset_request(c->ctx, given(c, EMAIL));

	return e != E_OK ? e : answer(c, 200, "If an account exists with "
	    "this email, you will receive password reset instructions", NULL);
}

const struct handler auth_password_reset_request = { fields,
    run_reset_request };
