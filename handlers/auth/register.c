/* POST /auth/register, /auth/signup */
#include "core/account/account_register.h"
#include "core/account/proof.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"

enum { EMAIL, USERNAME, PASSWORD, FIRST_NAME, LAST_NAME, FULL_NAME };

static const struct field fields[] = {
	[EMAIL] = FIELDS_EMAIL,
	[USERNAME] = FIELDS_NEW_USERNAME,
	[PASSWORD] = { .name = "password", .type = FIELD_PASSWORD,
		.required = true,
		.doc = "8 to 128 characters; three of four classes, or 15 "
		    "characters" },
	[FIRST_NAME] = FIELDS_NEW_FIRST_NAME,
	[LAST_NAME] = FIELDS_NEW_LAST_NAME,
	[FULL_NAME] = { .name = "full_name", .aliases = "name",
		.type = FIELD_NAME,
		.doc = "Full name; made of first and last name if left out" },
	{ 0 },
};

static enum err
run_register(struct call *c)
{
	const struct registration r = {
		.email = given(c, EMAIL), .username = given(c, USERNAME),
		.password = given(c, PASSWORD),
		.first_name = given(c, FIRST_NAME),
		.last_name = given(c, LAST_NAME),
		.full_name = given(c, FULL_NAME),
	};
	struct account a;
	struct tokens *t;
	cJSON *data = json_object();
	enum err e = account_register(c->ctx, &r, &a, &t);

	if (e != E_OK)
		return e;
	json_add(data, "user", answer_user(&a));
	json_add_bool(data, "requires_verification", t == NULL);
	json_add_str(data, "verification_token",
	    proof_token(c->ctx, a.id));
	if (t)
		answer_tokens(data, t);
	return answer(c, 201, t ? "User registered successfully" :
	    "User registered successfully. Please verify your e-mail address",
	    data);
}

const struct handler auth_register = { fields, run_register };
