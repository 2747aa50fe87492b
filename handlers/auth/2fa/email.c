/* POST /auth/2fa/email/setup; verify-setup is in enable.c */
#include "core/factor/factor_setup.h"
#include "core/problem.h"
#include "handlers/shared/party.h"

enum { EMAIL, USER_ID };

static const struct field fields[] = {
	[EMAIL] = { .name = "email", .type = FIELD_EMAIL,
		.doc = "With an API key: the address; a user's codes go to the "
		    "address of the account" },
	[USER_ID] = { .name = "user_id", .type = FIELD_NAME, .min = 1,
		.max = 200, .doc = "With an API key: the application's user" },
	{ 0 },
};

/* A user's codes go to the address of his account, whatever he sends. */
static enum err
email_address(struct call *c, const struct party *p, struct str *out)
{
	*out = p->session ? p->session->account.email : given(c, EMAIL);
	return out->n ? E_OK : problem_field(c->ctx, "email",
	    "E-mail is required with an API key");
}

static enum err
setup_email(struct call *c)
{
	struct party p;
	struct str to;
	enum err e = party_of(c, STR_NONE, given(c, USER_ID), true, &p);

	if (e == E_OK)
		e = email_address(c, &p, &to);
	if (e == E_OK)
		e = factor_setup_sent(c->ctx, &p.subject, p.session ?
		    p.session->id : STR_NONE, STR("email"), to);
	return e != E_OK ? e : answer(c, 200, "A code was sent by e-mail",
	    NULL);
}

const struct handler auth_2fa_email_setup = { fields, setup_email };
