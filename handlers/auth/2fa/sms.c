/* POST /auth/2fa/sms/setup, /send; verify-setup is in enable.c */
#include "core/factor/factor_send.h"
#include "core/factor/factor_setup.h"
#include "handlers/shared/party.h"

enum { PHONE, USER_ID };

static const struct field fields[] = {
	[PHONE] = { .name = "phone", .aliases = "phone_number",
		.type = FIELD_TEXT, .min = 1, .max = 40, .required = true,
		.doc = "International number such as +49 30 123456" },
	[USER_ID] = { .name = "user_id", .type = FIELD_NAME, .min = 1,
		.max = 200, .doc = "With an API key: the application's user" },
	{ 0 },
};

static enum err
setup_sms(struct call *c)
{
	struct party p;
	struct str phone;
	enum err e = factor_send_phone(c->ctx, given(c, PHONE), &phone);

	if (e == E_OK)
		e = party_of(c, STR_NONE, given(c, USER_ID), true, &p);
	if (e == E_OK)
		e = factor_setup_sent(c->ctx, &p.subject, p.session ?
		    p.session->id : STR_NONE, STR("sms"), phone);
	return e != E_OK ? e : answer(c, 200, "A code was sent to the "
	    "telephone", NULL);
}

const struct handler auth_2fa_sms_setup = { fields, setup_sms };
