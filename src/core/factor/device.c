#include "core/factor/device.h"

enum err
device_list(struct ctx *x, struct str user_id, struct device **out,
    size_t *n)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_DEVICE_LIST, &r,
	    A_STR(user_id));

	if (e != E_OK)
		return e;
	*n = r->n;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = (struct device){
			.id = row_str(r, i, 0),
			.name = row_str(r, i, 1),
			.trusted = row_bool(r, i, 2),
			.created_at = row_int(r, i, 3),
			.last_used_at = row_int(r, i, 4),
			.expires_at = row_int(r, i, 5),
		};
	return E_OK;
}

enum err
device_rename(struct ctx *x, struct str user_id, struct str id,
    struct str name)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_DEVICE_RENAME, &r,
	    A_STR(user_id), A_STR(id), A_STR(name));

	return e == E_OK && r->n == 0 ? E_NOT_FOUND : e;
}

enum err
device_forget(struct ctx *x, struct str user_id, struct str id)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_DEVICE_FORGET, &r,
	    A_STR(user_id), A_STR(id), A_STR(x->client),
	    A_STR(x->user_agent), A_STR(x->request_id));

	return e == E_OK && r->n == 0 && id.p ? E_NOT_FOUND : e;
}
