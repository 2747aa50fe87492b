#include "core/audit.h"

static struct arg
number(int64_t v)
{
	return v ? A_INT(v) : A_NULL;
}

static struct audit_row
cells(const struct rows *r, size_t i)
{
	return (struct audit_row){
		.id = row_int(r, i, 0), .created_at = row_int(r, i, 1),
		.user_id = row_str(r, i, 2), .actor_id = row_str(r, i, 3),
		.action = row_str(r, i, 4), .resource = row_str(r, i, 5),
		.result = row_str(r, i, 6), .reason = row_str(r, i, 7),
		.ip_address = row_str(r, i, 8),
		.user_agent = row_str(r, i, 9),
		.request_id = row_str(r, i, 10),
	};
}

enum err
audit_list(struct ctx *x, const struct audit_filter *f,
    struct audit_row **out, size_t *n, int64_t *total)
{
	struct str user = STR_NONE;
	struct rows *r;
	enum err e = f->user.n ? admin_user_ref(x, f->user, &user) : E_OK;

	if (e == E_OK)
		e = db_exec(x->db, x->arena, Q_AUDIT_LIST, &r, A_STR(user),
		    A_STR(f->action), A_STR(f->result), number(f->from),
		    number(f->to), A_STR(f->ip_address), number(f->after),
		    A_INT(f->limit), A_INT(f->offset));
	if (e != E_OK)
		return e;
	*n = 0;
	*total = r->n ? row_int(r, 0, 11) : 0;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	/* A page without rows is one row of the total alone. */
	for (size_t i = 0; i < r->n && !row_null(r, i, 0); i++)
		(*out)[(*n)++] = cells(r, i);
	return E_OK;
}
