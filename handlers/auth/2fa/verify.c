/* POST /auth/2fa/verify, /2fa/verify, /mfa/verify */
#include "handlers/auth/2fa/verify.h"
#include "handlers/shared/fields.h"

enum { CODE, TEMP_TOKEN, USER_ID, REMEMBER_DEVICE, DEVICE_NAME };

const struct field verify_fields[] = {
	[CODE] = { .name = "code", .aliases = "token otp backup_code",
		.type = FIELD_CODE, .min = 1, .max = 64, .required = true,
		.doc = "Six digits, or a backup code" },
	[TEMP_TOKEN] = FIELDS_TEMP_TOKEN,
	[USER_ID] = FIELDS_CHALLENGED,
	[REMEMBER_DEVICE] = FIELDS_REMEMBER_DEVICE,
	[DEVICE_NAME] = FIELDS_DEVICE_NAME,
	{ 0 },
};

static void
add_proof(cJSON *data, const struct factor_proof *proof)
{
	json_add_bool(data, "verified", true);
	json_add_str(data, "method", proof->method);
	if (proof->backup_codes >= 0)
		json_add_int(data, "backup_codes_remaining",
		    proof->backup_codes);
}

static enum err
check_code(struct call *c, const struct party *p, const struct factor_try *t)
{
	struct factor_proof proof;
	cJSON *data = json_object();
	enum err e = factor_verify(c->ctx, &p->subject, p->session, t,
	    &proof);

	if (e != E_OK)
		return e;
	add_proof(data, &proof);
	if (p->session == NULL)
		json_add_str(data, "user_id", p->subject.label);
	if (proof.device_token.n)
		json_add_str(data, "device_token", proof.device_token);
	return party_answer(c, "2FA code verified successfully", data);
}

struct factor_try
verify_try(struct call *c, bool backup_only)
{
	return (struct factor_try){ .code = given(c, CODE),
		.backup_only = backup_only,
		.remember = c->in[REMEMBER_DEVICE].number,
		.device_name = given(c, DEVICE_NAME) };
}

enum err
verify_party(struct call *c, struct party *p)
{
	return party_of(c, given(c, TEMP_TOKEN), given(c, USER_ID), false, p);
}

enum err
verify_end_login(struct call *c, const struct party *p,
    const struct factor_try *t)
{
	struct factor_proof proof;
	struct login l;
	cJSON *data = json_object();
	enum err e = factor_verify_login(c->ctx, p->challenge, t, &proof, &l);

	if (e != E_OK)
		return e;
	add_proof(data, &proof);
	return answer_login(c, &l, data, "login successful");
}

static enum err
run_verify(struct call *c)
{
	const struct factor_try t = verify_try(c, false);
	struct party p;
	enum err e = verify_party(c, &p);

	if (e != E_OK)
		return e;
	return p.challenge.n ? verify_end_login(c, &p, &t) :
	    check_code(c, &p, &t);
}

const struct handler auth_2fa_verify = { verify_fields, run_verify };
