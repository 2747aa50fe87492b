/* POST /auth/2fa/enable, /2fa/totp/verify-setup, /mfa/enable, and the
 * verify-setup of SMS and mail */
#include "core/factor/factor_setup.h"
#include "handlers/shared/party.h"

enum { CODE, USER_ID };

static const struct field fields[] = {
	[CODE] = { .name = "code", .aliases = "token otp", .type = FIELD_DIGITS,
		.min = 6, .max = 6, .required = true,
		.doc = "The six digits that were shown or sent" },
	[USER_ID] = { .name = "user_id", .type = FIELD_NAME, .min = 1,
		.max = 200, .doc = "With an API key: the application's user" },
	{ 0 },
};

static enum err
enable(struct call *c, struct str kind)
{
	struct backup_set codes;
	struct party p;
	cJSON *data = json_object(), *array;
	bool any = false;
	enum err e = party_of(c, STR_NONE, given(c, USER_ID), false, &p);

	if (e == E_OK)
		e = factor_setup_enable(c->ctx, &p.subject, p.session ?
		    p.session->id : STR_NONE, kind, given(c, CODE), &codes,
		    &any);
	if (e != E_OK)
		return e;
	json_add_bool(data, "enabled", true);
	json_add_str(data, "method", kind);
	if (any) {
		array = json_array();
		for (int i = 0; i < BACKUP_CODES; i++)
			json_push_str(array, codes.codes[i]);
		json_add(data, "backup_codes", array);
	}
	return party_answer(c, "2FA enabled successfully", data);
}

static enum err
totp(struct call *c)
{
	return enable(c, STR("totp"));
}

static enum err
enable_sms(struct call *c)
{
	return enable(c, STR("sms"));
}

static enum err
enable_email(struct call *c)
{
	return enable(c, STR("email"));
}

const struct handler auth_2fa_enable = { fields, totp };
const struct handler auth_2fa_sms_enable = { fields, enable_sms };
const struct handler auth_2fa_email_enable = { fields, enable_email };
