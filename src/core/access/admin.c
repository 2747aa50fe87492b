#include "core/access/admin.h"

#include "base/encoding.h"
#include "core/access/actor.h"
#include "core/access/whence.h"
#include "core/problem.h"

enum err
admin_uuid_ref(struct ctx *x, struct str ref, struct str *id)
{
	struct uuid u;

	if (!uuid_parse(ref, &u))
		return E_NOT_FOUND;
	*id = uuid_text(x->arena, u);
	return E_OK;
}

enum err
admin_user_ref(struct ctx *x, struct str ref, struct str *id)
{
	long long number;
	struct rows *r;
	enum err e;

	if (!str_to_int(ref, 1, INT64_MAX, &number))
		return admin_uuid_ref(x, ref, id);
	e = db_run(x->db, x->arena, SQL(admin_user_by_number,
	    .numeric_id = number), &r);
	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_NOT_FOUND;
	*id = admin_user_by_number_row(r, 0).id;
	return E_OK;
}

/* Which rule of the schema said no? */
static enum err
conflict(const struct ctx *x)
{
	const char *name = db_constraint(x->db);

	if (strcmp(name, "last_super_admin") == 0)
		return E_LAST_ADMIN;
	if (strcmp(name, "users_email_key") == 0)
		return E_EMAIL_TAKEN;
	return strcmp(name, "users_username_key") == 0 ? E_USERNAME_TAKEN :
	    E_CONFLICT;
}

enum err
admin_decide(struct ctx *x, struct statement s, struct rows **out)
{
	struct statement steps[3] = { SQL(authorisation_lock),
		ACTOR_HOLDS(x) };
	int last = x->actor.n ? 2 : 1;
	struct rows *r[3];
	enum err e;

	steps[last] = s;
	e = db_batch(x->db, x->arena, steps, last + 1, r);
	if (e != E_OK)
		return e == E_CONFLICT ? conflict(x) : e;
	if (r[last]->n == 0)
		return E_NOT_FOUND;
	if (out)
		*out = r[last];
	return decision_row(r[last], 0).is_allowed ? E_OK : E_FORBIDDEN;
}

static bool
is_super(struct str roles)
{
	return str_holds(roles, ',', STR("super_admin"));
}

enum err
admin_explain_own(struct ctx *x, enum err e, struct str actor, struct str user)
{
	return e != E_FORBIDDEN || !str_eq(actor, user) ? e : problem_say(x, e,
	    "You cannot do this to your own account; please ask another "
	    "administrator");
}

void
admin_refused(struct ctx *x, const struct session *s, const char *action,
    const char *reason)
{
	(void)db_run(x->db, x->arena, SQL(admin_refused,
	    .user_id = s->account.id, .action = str_of(action),
	    .reason = str_of(reason), REQUESTER(x)), NULL);
}

enum err
admin_network(struct ctx *x, const struct session *s)
{
	const struct config *c = x->config;

	if (!c->ip_whitelist)
		return E_OK;
	if (whence_in(x, c->admin_networks) ||
	    (strcmp(c->environment, "development") == 0 &&
		whence_here(x) && !is_super(s->account.roles)))
		return E_OK;
	admin_refused(x, s, "admin.network", err_code(E_NETWORK));
	return E_NETWORK;
}
