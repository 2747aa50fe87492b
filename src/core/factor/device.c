#include "core/factor/device.h"

enum err
device_list(struct ctx *x, struct str user_id, struct device **out,
    size_t *n)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(device_list,
	    .user_id = user_id), &r);

	if (e != E_OK)
		return e;
	*n = r->n;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++) {
		struct device_list_row row = device_list_row(r, i);

		(*out)[i] = (struct device){
			.id = row.id,
			.name = row.name,
			.trusted = row.factor_proved,
			.created_at = row.created_at,
			.last_used_at = row.last_used_at,
			.expires_at = row.expires_at,
		};
	}
	return E_OK;
}

enum err
device_rename(struct ctx *x, struct str user_id, struct str id,
    struct str name)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(device_rename,
	    .user_id = user_id, .id = id, .name = name), &r);

	return e == E_OK && r->n == 0 ? E_NOT_FOUND : e;
}

enum err
device_forget(struct ctx *x, struct str user_id, struct str id)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(device_forget,
	    .user_id = user_id, .id = id, REQUESTER(x)), &r);

	return e == E_OK && r->n == 0 && id.p ? E_NOT_FOUND : e;
}
