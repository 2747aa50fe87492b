/* POST /auth/2fa/sms/send, /auth/2fa/email/send */
#include "core/factor/factor_send.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/party.h"

enum { TEMP_TOKEN, USER_ID };

static const struct field fields[] = {
	[TEMP_TOKEN] = FIELDS_TEMP_TOKEN,
	[USER_ID] = FIELDS_CHALLENGED,
	{ 0 },
};

static enum err
send_code(struct call *c, struct str kind)
{
	struct factor_sent sent;
	cJSON *data = json_object();
	struct party p;
	enum err e = party_of(c, given(c, TEMP_TOKEN), given(c, USER_ID),
	    false, &p);

	if (e == E_OK && p.challenge.n)
		e = challenge_subject(c->ctx, p.challenge, &p.subject);
	if (e == E_OK)
		e = factor_send(c->ctx, &p.subject, kind,
		    factor_send_bound(c->ctx->arena, p.challenge,
		    p.session ? p.session->id : STR_NONE), &sent);
	if (e != E_OK)
		return e;
	json_add_bool(data, "code_sent", sent.sent);
	json_add_int(data, "resend_after", sent.again_in);
	return answer(c, 200, sent.sent ? "A code was sent" :
	    "A code is already on its way", data);
}

static enum err
send_sms(struct call *c)
{
	return send_code(c, STR("sms"));
}

static enum err
send_email(struct call *c)
{
	return send_code(c, STR("email"));
}

const struct handler auth_2fa_sms_send = { fields, send_sms };
const struct handler auth_2fa_email_send = { fields, send_email };
