/* POST /auth/recovery/start, /auth/recovery/confirm */
#include "core/recovery/recovery.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"

enum { IDENTIFIER, METHOD };

static const struct field start_fields[] = {
	[IDENTIFIER] = { .name = "identifier",
		.aliases = "email_or_username email username",
		.type = FIELD_LOGIN, .min = 1, .max = 254, .required = true,
		.doc = "E-mail address or user name of the account" },
	[METHOD] = { .name = "method", .type = FIELD_NAME, .min = 1, .max = 50,
		.doc = "email, phone or the id of a method; all when not "
		    "given" },
	{ 0 },
};

enum { CHALLENGE, CODES, NEW_PASSWORD };

static const struct field confirm_fields[] = {
	[CHALLENGE] = { .name = "challenge", .type = FIELD_TOKEN,
		.required = true, .doc = "What start gave" },
	[CODES] = { .name = "codes", .type = FIELD_CODES, .min = 1, .max = 4,
		.required = true,
		.doc = "The code that was sent; with a second factor a backup "
		    "code or a code of it too" },
	[NEW_PASSWORD] = FIELDS_NEW_PASSWORD,
	{ 0 },
};

static enum err
start_recovery(struct call *c)
{
	cJSON *data = json_object();
	struct str challenge;
	enum err e = recovery_start(c->ctx, given(c, IDENTIFIER),
	    given(c, METHOD), &challenge);

	if (e != E_OK)
		return e;
	json_add_str(data, "challenge", challenge);
	return answer(c, 200, "If the account has recovery methods, codes "
	    "are on their way to them", data);
}

static enum err
confirm_recovery(struct call *c)
{
	enum err e = recovery_confirm(c->ctx, given(c, CHALLENGE),
	    c->in[CODES].texts, c->in[CODES].ntexts,
	    given(c, NEW_PASSWORD));

	return e != E_OK ? e : answer(c, 200, "Your account is recovered. "
	    "You can now log in with your new password", NULL);
}

const struct handler auth_recovery_start = { start_fields, start_recovery };
const struct handler auth_recovery_confirm = { confirm_fields,
    confirm_recovery };
