/* GET /auth/2fa/methods, /2fa/methods */
#include "handlers/shared/party.h"

static cJSON *
method_entry(const struct factor *f)
{
	bool totp = str_eq(f->kind, STR("totp"));
	cJSON *o = json_object();

	json_add_str(o, "id", f->id);
	json_add_str(o, "type", f->kind);
	json_add_str(o, "method", f->kind);
	json_add_bool(o, "enabled", true);
	json_add_bool(o, "is_enabled", true);
	json_add_bool(o, "restricted", !totp); /* row OT6 */
	json_add_bool(o, "locked", f->locked);
	if (!totp)
		json_add_str(o, "destination", f->destination);
	json_add_time(o, "created_at", f->enabled_at);
	json_add_time(o, "last_used_at", f->last_used_at);
	return o;
}

static enum err
run_methods(struct call *c)
{
	struct factors f;
	struct party p;
	cJSON *array = json_array();
	enum err e = party_read(c, &p);

	if (e == E_OK)
		e = factor_list(c->ctx, &p.subject, &f);
	if (e != E_OK)
		return e;
	for (size_t i = 0; i < f.n; i++)
		json_push(array, method_entry(&f.list[i]));
	return party_answer(c, "2FA methods retrieved successfully", array);
}

const struct handler auth_2fa_methods = { NULL, run_methods };
