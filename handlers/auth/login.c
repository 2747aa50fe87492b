/* POST /auth/login */
#include "core/session/login.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"

enum { IDENTIFIER, PASSWORD, DEVICE_TOKEN, REMEMBER_DEVICE,
	DEVICE_NAME };

static const struct field fields[] = {
	[IDENTIFIER] = { .name = "identifier",
		.aliases = "email_or_username email username",
		.type = FIELD_LOGIN, .min = 1, .max = 254, .required = true,
		.doc = "E-mail address or user name" },
	[PASSWORD] = { .name = "password", .type = FIELD_PASSWORD,
		.required = true, .doc = "The password" },
	[DEVICE_TOKEN] = { .name = "device_token", .type = FIELD_TOKEN,
		.doc = "Token of a known device" },
	[REMEMBER_DEVICE] = FIELDS_REMEMBER_DEVICE,
	[DEVICE_NAME] = FIELDS_DEVICE_NAME,
	{ 0 },
};

static enum err
run_login(struct call *c)
{
	const struct credentials in = {
		.identifier = given(c, IDENTIFIER),
		.password = given(c, PASSWORD),
		.device_token = given(c, DEVICE_TOKEN),
		.remember_device = c->in[REMEMBER_DEVICE].number,
		.device_name = given(c, DEVICE_NAME),
	};
	struct login l;
	enum err e = login(c->ctx, &in, &l);

	return e != E_OK ? e : answer_login(c, &l, json_object(),
	    "login successful");
}

const struct handler auth_login = { fields, run_login };
