/* POST /auth/2fa/disable, /mfa/disable */
#include "handlers/shared/party.h"
#include "handlers/shared/prove.h"

enum { CODE, PASSWORD, METHOD, USER_ID };

static const struct field fields[] = {
	[CODE] = { .name = "code", .aliases = "token otp backup_code",
		.type = FIELD_CODE, .min = 1, .max = 64,
		.doc = "Six digits, or a backup code; must be correct if "
		    "given" },
	[PASSWORD] = { .name = "password", .aliases = "current_password",
		.type = FIELD_PASSWORD, .doc = "Must be correct if given" },
	[METHOD] = { .name = "method", .aliases = "type", .type = FIELD_CHOICE,
		.choices = "totp sms email",
		.doc = "The second factor to remove; all if left out" },
	[USER_ID] = { .name = "user_id", .type = FIELD_NAME, .min = 1,
		.max = 200, .doc = "With an API key: the application's user" },
	{ 0 },
};

/* An API key needs no proof, but a code that it sends must be right. */
static enum err
prove(struct call *c, const struct party *p)
{
	const struct factor_try t = { .code = given(c, CODE) };
	struct factor_proof proof;

	if (p->session)
		return prove_now(c, PASSWORD, CODE);
	return c->in[CODE].given ? factor_verify(c->ctx, &p->subject, NULL,
	    &t, &proof) : E_OK;
}

static enum err
run_disable(struct call *c)
{
	struct party p;
	cJSON *data = json_object();
	enum err e = party_of(c, STR_NONE, given(c, USER_ID), false, &p);

	if (e == E_OK)
		e = prove(c, &p);
	if (e == E_OK)
		e = factor_disable(c->ctx, &p.subject, given(c, METHOD),
		    p.actor);
	if (e != E_OK)
		return e;
	json_add_bool(data, "disabled", true);
	return party_answer(c, "2FA disabled successfully", data);
}

const struct handler auth_2fa_disable = { fields, run_disable };
