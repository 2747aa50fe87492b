/* POST /auth/resend-otp */
#include "core/account/proof.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"

enum { EMAIL };

static const struct field fields[] = {
	[EMAIL] = FIELDS_EMAIL,
	{ 0 },
};

static enum err
run_resend_otp(struct call *c)
{
	enum err e = proof_resend(c->ctx, given(c, EMAIL));

	return e != E_OK ? e : answer(c, 200, "If an unverified account "
	    "exists with this email, a new code has been sent", NULL);
}

const struct handler auth_resend_otp = { fields, run_resend_otp };
