/* POST /auth/verify-email */
#include "core/account/proof.h"
#include "handlers/shared/handlers.h"

enum { EMAIL, OTP, VERIFICATION_TOKEN, PASSWORD };

static const struct field fields[] = {
	[EMAIL] = { .name = "email", .type = FIELD_EMAIL, .required = true,
		.doc = "Address that received the code" },
	[OTP] = { .name = "otp", .aliases = "code", .type = FIELD_DIGITS,
		.min = 6, .max = 6, .required = true, .doc = "The six digits" },
	[VERIFICATION_TOKEN] = { .name = "verification_token",
		.type = FIELD_TOKEN,
		.doc = "What registration gave: with it, the access token or "
		    "the password, everything stays" },
	[PASSWORD] = { .name = "password", .type = FIELD_PASSWORD,
		.doc = "The password of the registration, instead of the "
		    "token" },
	{ 0 },
};

static enum err
run_verify_email(struct call *c)
{
	const struct session *s = c->actor.session;
	const struct proof p = {
		.email = given(c, EMAIL), .otp = given(c, OTP),
		.token = given(c, VERIFICATION_TOKEN),
		.password = given(c, PASSWORD),
		.session_of = s ? s->account.id : STR_NONE,
	};
	struct account a;
	cJSON *data = json_object();
	bool without;
	enum err e = proof_confirm(c->ctx, &p, &a, &without);

	if (e != E_OK)
		return e;
	json_add(data, "user", answer_user(&a));
	json_add_bool(data, "password_required", without);
	return answer(c, 200, without ? "E-mail verified successfully. "
	    "Please set your password with the link we sent" :
	    "E-mail verified successfully", data);
}

const struct handler auth_verify_email = { fields, run_verify_email };
