/* GET /auth/2fa/status, /mfa/status */
#include "handlers/shared/party.h"

static enum err
run_factor_status(struct call *c)
{
	struct factors f;
	struct party p;
	cJSON *data = json_object(), *methods = json_array();
	enum err e = party_read(c, &p);

	if (e == E_OK)
		e = factor_list(c->ctx, &p.subject, &f);
	if (e != E_OK)
		return e;
	for (size_t i = 0; i < f.n; i++)
		json_push_str(methods, f.list[i].kind);
	json_add_bool(data, "enabled", f.n > 0);
	json_add(data, "methods", methods);
	json_add_int(data, "backup_codes_remaining", f.backup_codes);
	if (p.session)
		json_add_bool(data, "required", account_unenrolled(c->ctx,
		    &p.session->account));
	return party_answer(c, "2FA status retrieved successfully", data);
}

const struct handler auth_2fa_status = { NULL, run_factor_status };
