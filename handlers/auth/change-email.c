/* POST /auth/change-email, …/confirm, …/undo */
#include "core/account/email_change.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"

enum { NEW_EMAIL };

static const struct field fields[] = {
	[NEW_EMAIL] = { .name = "new_email", .aliases = "email",
		.type = FIELD_EMAIL, .required = true,
		.doc = "The new address" },
	{ 0 },
};

enum { TOKEN };

static const struct field token_fields[] = {
	[TOKEN] = FIELDS_MAILED_TOKEN,
	{ 0 },
};

static enum err
request(struct call *c)
{
	enum err e = email_change_request(c->ctx, &c->actor.session->account,
	    given(c, NEW_EMAIL));

	return e != E_OK ? e : answer(c, 200, "Please open the link we sent "
	    "to the new address. Until then nothing changes", NULL);
}

static enum err
confirm_email(struct call *c)
{
	struct account a;
	enum err e = email_change_confirm(c->ctx, &c->actor.session->account,
	    given(c, TOKEN), &a);

	return e != E_OK ? e : answer(c, 200,
	    "E-mail address changed successfully", answer_user(&a));
}

static enum err
undo(struct call *c)
{
	enum err e = email_change_undo(c->ctx, given(c, TOKEN));

	return e != E_OK ? e : answer(c, 200, "The old address is back and "
	    "all sessions have ended. Please reset your password now", NULL);
}

const struct handler auth_change_email = { fields, request };
const struct handler auth_change_email_confirm = { token_fields,
    confirm_email };
const struct handler auth_change_email_undo = { token_fields, undo };
