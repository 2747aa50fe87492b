/* POST /auth/2fa/setup, /2fa/totp/setup, /mfa/setup */
#include "core/factor/factor_setup.h"
#include "handlers/shared/party.h"

enum { USER_ID };

static const struct field fields[] = {
	[USER_ID] = { .name = "user_id", .type = FIELD_NAME, .min = 1,
		.max = 200, .doc = "With an API key: the application's user" },
	{ 0 },
};

static cJSON *
codes(const struct backup_set *s)
{
	cJSON *array = json_array();

	for (int i = 0; i < BACKUP_CODES; i++)
		json_push_str(array, s->codes[i]);
	return array;
}

static enum err
run_totp_setup(struct call *c)
{
	struct factor_setup s;
	struct party p;
	cJSON *data = json_object();
	enum err e = party_of(c, STR_NONE, given(c, USER_ID), true, &p);

	if (e == E_OK)
		e = factor_setup_totp(c->ctx, &p.subject, p.session ?
		    p.session->id : STR_NONE, &s);
	if (e != E_OK)
		return e;
	json_add_str(data, "secret", s.secret);
	json_add_str(data, "qr_code_url", s.uri);
	json_add_str(data, "otpauth_url", s.uri);
	if (s.picture.n)
		json_add_str(data, "qr_code", s.picture);
	json_add(data, "backup_codes", codes(&s.codes));
	return party_answer(c, "2FA setup initiated. Scan the QR code with "
	    "your authenticator app", data);
}

const struct handler auth_2fa_setup = { fields, run_totp_setup };
