/* POST /auth/login */
#include "core/login.h"
#include "handlers/handlers.h"

enum { IDENTIFIER, PASSWORD, DEVICE_TOKEN, REMEMBER_DEVICE };

static const struct field fields[] = {
	[IDENTIFIER] = { "identifier",
	    "email_or_username email username", FIELD_TEXT, 1, 254, true,
	    NULL, "E-mail address or user name" },
	[PASSWORD] = { "password", "", FIELD_PASSWORD, 0, 0, true, NULL,
	    "The password" },
	[DEVICE_TOKEN] = { "device_token", "", FIELD_TOKEN, 0, 0, false, NULL,
	    "Names a known device" },
	[REMEMBER_DEVICE] = { "remember_device", "trust_device", FIELD_BOOL,
	    0, 0, false, NULL, "Give a device_token" },
	{ 0 },
};

static enum err
run(struct call *c)
{
	const struct credentials in = {
		.identifier = given(c, IDENTIFIER),
		.password = given(c, PASSWORD),
		.device_token = given(c, DEVICE_TOKEN),
		.remember_device = c->in[REMEMBER_DEVICE].number,
	};
	struct login l;
	cJSON *data = json_object();
	enum err e = login(c->ctx, &in, &l);

	if (e != E_OK)
		return e;
	json_add(data, "user", answer_user(&l.account));
	answer_tokens(data, l.tokens);
	if (l.device_token.n)
		json_add_str(data, "device_token", l.device_token);
	return answer(c, 200, "login successful", data);
}

const struct handler auth_login = { fields, run };
