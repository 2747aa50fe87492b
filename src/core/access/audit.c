#include "core/access/audit.h"

#include "base/net.h"

static struct arg
number_text(int64_t v)
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

/* Dotted words: auth.login. */
static bool
is_action(struct str s)
{
	size_t dot = str_find(s, '.');

	if (dot == 0 || dot + 1 >= s.n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '_' ||
		    (s.p[i] >= '0' && s.p[i] <= '9') || i == dot))
			return false;
	return true;
}

static enum err
refuse_filter_field(struct ctx *x, const char *field, const char *what)
{
	x->field = field;
	x->sentence = what;
	return E_VALIDATION;
}

enum err
audit_filter_check(struct ctx *x, struct audit_filter *f)
{
	struct net_addr addr;

	if (f->action.n && !is_action(f->action))
		return refuse_filter_field(x, "action",
		    "Action must be a name such as auth.login");
	if (f->ip_address.n && net_parse(f->ip_address, &addr))
		f->ip_address = net_text(x->arena, &addr);
	else if (f->ip_address.n && !net_cidr_valid(f->ip_address))
		return refuse_filter_field(x, "ip_address",
		    "IP address must be an address or a network (CIDR)");
	return f->user.n ? admin_user_ref(x, f->user, &f->user) : E_OK;
}

enum err
audit_page(struct ctx *x, const struct audit_filter *f,
    struct audit_row **out, size_t *n)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_AUDIT_PAGE, &r,
	    A_STR(f->user), A_STR(f->action), A_STR(f->result),
	    number_text(f->from), number_text(f->to), A_STR(f->ip_address),
	    number_text(f->after), A_INT(f->limit), A_INT(f->offset));

	if (e != E_OK)
		return e;
	*n = r->n;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = cells(r, i);
	return E_OK;
}

enum err
audit_list(struct ctx *x, const struct audit_filter *wish,
    struct audit_row **out, size_t *n, int64_t *total)
{
	struct audit_filter f = *wish;
	struct rows *r;
	enum err e = audit_filter_check(x, &f);

	if (e == E_OK)
		e = db_exec(x->db, x->arena, Q_AUDIT_LIST, &r, A_STR(f.user),
		    A_STR(f.action), A_STR(f.result), number_text(f.from),
		    number_text(f.to), A_STR(f.ip_address),
		    number_text(f.after),
		    A_INT(f.limit), A_INT(f.offset));
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
