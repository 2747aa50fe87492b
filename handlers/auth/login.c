/* POST /auth/login */
#include "core/session/login.h"
#include "handlers/shared/handlers.h"

enum { IDENTIFIER, PASSWORD, DEVICE_TOKEN, REMEMBER_DEVICE,
	DEVICE_NAME };

static const struct field fields[] = {
	[IDENTIFIER] = { "identifier",
	    "email_or_username email username", FIELD_LOGIN, 1, 254, true,
	    NULL, "E-mail address or user name" },
	[PASSWORD] = { "password", "", FIELD_PASSWORD, 0, 0, true, NULL,
	    "The password" },
	[DEVICE_TOKEN] = { "device_token", "", FIELD_TOKEN, 0, 0, false, NULL,
	    "Token of a known device" },
	[REMEMBER_DEVICE] = { "remember_device", "trust_device", FIELD_BOOL,
	    0, 0, false, NULL, "Whether to answer with a device_token" },
	[DEVICE_NAME] = { "device_name", "", FIELD_NAME, 1, 100, false, NULL,
	    "Name of the device in the list" },
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
