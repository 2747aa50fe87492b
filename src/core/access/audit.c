#include "core/access/audit.h"

#include "base/net.h"
#include "base/text.h"
#include "core/problem.h"

/* A parameter that may be null. */
static const int64_t *
number(const int64_t *v)
{
	return *v ? v : NULL;
}

static struct audit_row
row_of(struct entry_cells row)
{
	return (struct audit_row){
		.id = row.id, .created_at = row.created_at,
		.user_id = row.user_id, .actor_id = row.actor_id,
		.action = row.action, .resource = row.resource,
		.result = row.result, .reason = row.reason,
		.ip_address = row.ip_address,
		.user_agent = row.user_agent,
		.request_id = row.request_id,
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
		if (!(text_is_lower(s.p[i]) || text_is_digit(s.p[i]) ||
		    s.p[i] == '_' || i == dot))
			return false;
	return true;
}

enum err
audit_filter_check(struct ctx *x, struct audit_filter *f)
{
	struct net_addr addr;

	if (f->action.n && !is_action(f->action))
		return problem_field(x, "action",
		    "Action must be a name such as auth.login");
	if (f->ip_address.n && net_parse(f->ip_address, &addr))
		f->ip_address = net_text(x->arena, &addr);
	else if (f->ip_address.n && !net_cidr_valid(f->ip_address))
		return problem_field(x, "ip_address",
		    "IP address must be an address or a network (CIDR)");
	return f->user.n ? admin_user_ref(x, f->user, &f->user) : E_OK;
}

enum err
audit_page(struct ctx *x, const struct audit_filter *f,
    struct audit_row **out, size_t *n)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(audit_page,
	    .user_id = f->user, .action = f->action, .result = f->result,
	    .from = number(&f->from), .to = number(&f->to),
	    .network = f->ip_address, .behind_id = number(&f->after),
	    .limit = f->limit, .offset = f->offset), &r);

	if (e != E_OK)
		return e;
	*n = r->n;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = row_of(audit_page_row(r, i).entry);
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
		e = db_run(x->db, x->arena, SQL(audit_list, .user_id = f.user,
		    .action = f.action, .result = f.result,
		    .from = number(&f.from), .to = number(&f.to),
		    .network = f.ip_address, .behind_id = number(&f.after),
		    .limit = f.limit, .offset = f.offset), &r);
	if (e != E_OK)
		return e;
	*n = 0;
	*total = r->n ? audit_list_row(r, 0).total : 0;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	/* A page without rows is one row of the total alone. */
	for (size_t i = 0; i < r->n; i++) {
		struct audit_list_row row = audit_list_row(r, i);

		if (row.entry.id)
			(*out)[(*n)++] = row_of(row.entry);
	}
	return E_OK;
}
