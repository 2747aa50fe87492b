/* POST /auth/verify-email */
#include "handlers/handlers.h"

enum { EMAIL, OTP };

static const struct field fields[] = {
	[EMAIL] = { "email", "", FIELD_EMAIL, 0, 0, true, NULL,
	    "Address the code was mailed to" },
	[OTP] = { "otp", "code", FIELD_DIGITS, 6, 6, true, NULL,
	    "The six digits" },
	{ 0 },
};

static enum err
run(struct call *c)
{
	struct account a;
	cJSON *data = json_object();
	enum err e = account_verify_email(c->ctx, given(c, EMAIL),
	    given(c, OTP), &a);

	if (e != E_OK)
		return e;
	json_add(data, "user", answer_user(&a));
	return answer(c, 200, "E-mail verified successfully", data);
}

const struct handler auth_verify_email = { fields, run };
