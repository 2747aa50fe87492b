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
admin_decide_all(struct ctx *x, const struct statement *s, int n,
    struct rows **out)
{
	struct statement steps[2 + ADMIN_STEPS] = { SQL(authorisation_lock),
		ACTOR_HOLDS(x) };
	int first = x->actor.n ? 2 : 1;
	struct rows *r[2 + ADMIN_STEPS];
	enum err e;

	for (int i = 0; i < n; i++)
		steps[first + i] = s[i];
	e = db_batch(x->db, x->arena, steps, first + n, r);
	if (e == E_CONFLICT)
		e = conflict(x);
	for (int i = first; e == E_OK && i < first + n; i++)
		if (r[i]->n == 0)
			e = E_NOT_FOUND;
		else if (!decision_row(r[i], 0).is_allowed)
			e = E_FORBIDDEN;
	if (e == E_OK && out)
		*out = r[first];
	return e;
}

enum err
admin_decide(struct ctx *x, struct statement s, struct rows **out)
{
	return admin_decide_all(x, &s, 1, out);
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
