#include "core/access/role_admin.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/text.h"
#include "core/idempotency.h"
#include "core/problem.h"

#define ROLE_EXISTS "A role with this name already exists"

static struct role
role_cells(const struct rows *r, size_t i)
{
	const struct role_list_row row = role_list_row(r, i);

	return (struct role){
		.id = row.id, .name = row.name,
		.description = row.description,
		.is_active = row.is_active,
		.is_system = row.is_system,
		.created_at = row.created_at,
		.updated_at = row.updated_at,
		.permissions = row.permissions,
	};
}

enum err
role_list(struct ctx *x, long limit, long offset, struct role **out,
    size_t *n, int64_t *total)
{
	struct role_list_row first;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(role_list, .id = STR_NONE,
	    .name = STR_NONE, .limit = limit, .offset = offset), &r);

	if (e != E_OK)
		return e;
	first = role_list_row(r, 0);
	*n = first.id.p ? r->n : 0;
	*total = first.total;
	*out = arena_array(x->arena, r->n, sizeof(**out));
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = role_cells(r, i);
	return E_OK;
}

/* What a reference is: an id, or else a name. */
static void
split_ref(struct ctx *x, struct str ref, struct str *id, struct str *name)
{
	*name = STR_NONE;
	*id = STR_NONE;
	if (admin_uuid_ref(x, ref, id) != E_OK)
		*name = ref;
}

enum err
role_get(struct ctx *x, struct str ref, struct role *out)
{
	struct str id, name;
	struct rows *r;
	enum err e;

	split_ref(x, ref, &id, &name);
	e = db_run(x->db, x->arena, SQL(role_list, .id = id, .name = name,
	    .limit = 1, .offset = 0), &r);
	if (e != E_OK)
		return e;
	*out = role_cells(r, 0);
	return out->id.p ? E_OK : E_NOT_FOUND;
}

/* Names as one text; E_VALIDATION when one of them is no permission. */
static enum err
known_permissions(struct ctx *x, const struct str *names, size_t n,
    struct str *out)
{
	struct str all = STR("");
	struct rows *r;
	size_t distinct = 0;
	bool sane = true;
	enum err e;

	for (size_t i = 0; i < n; i++) {
		bool again = false;

		for (size_t j = 0; j < i; j++)
			again |= str_eq(names[i], names[j]);
		if (again)
			continue;
		sane &= str_find(names[i], ',') == names[i].n;
		all = arena_fmt(x->arena, "%.*s%s%.*s", STR_FMT(all),
		    distinct++ ? "," : "", STR_FMT(names[i]));
	}
	*out = all;
	if (n == 0)
		return E_OK;
	e = db_run(x->db, x->arena, SQL(permissions_known, .permissions = all),
	    &r);
	if (e != E_OK || (sane &&
	    permissions_known_row(r, 0).known == (int64_t)distinct))
		return e;
	return problem_field(x, "permissions",
	    "names a permission that does not exist");
}

static enum err
check_role_name(struct ctx *x, struct str name)
{
	bool good = name.n > 0 && name.n <= 50 && text_is_lower(name.p[0]) &&
	    text_only(name, "_.-");

	for (size_t i = 0; good && i < name.n; i++)
		good = !text_is_upper(name.p[i]);
	return good ? E_OK : problem_field(x, "name", "must be lower-case "
	    "letters, digits, _ . -, beginning with a letter");
}

enum err
role_create(struct ctx *x, struct str actor, struct str name,
    struct str description, const struct str *permissions, size_t n,
    struct role *out)
{
	struct str id = idempotency_id(x, 0), list;
	enum err e = check_role_name(x, name);

	if (e == E_OK)
		e = known_permissions(x, permissions, n, &list);
	if (e != E_OK)
		return e;
	session_stale_roles(x);
	e = admin_decide(x, SQL(role_create, .actor_id = actor, .id = id,
	    .name = name, .description = description, .permissions = list,
	    REQUESTER(x)), NULL);
	if (e == E_CONFLICT)
		return problem_say(x, e, ROLE_EXISTS);
	return e == E_OK ? role_get(x, id, out) : e;
}

enum err
role_update(struct ctx *x, struct str actor, struct str ref, struct str name,
    struct str description, int active, struct role *out)
{
	bool is_active = active > 0;
	struct role was;
	enum err e = role_get(x, ref, &was);

	if (e == E_OK && name.p)
		e = check_role_name(x, name);
	if (e != E_OK)
		return e;
	session_stale_roles(x);
	e = admin_decide(x, SQL(role_update, .actor_id = actor,
	    .role_id = was.id, .name = name, .description = description,
	    .is_active = active < 0 ? NULL : &is_active, REQUESTER(x)), NULL);
	if (e == E_CONFLICT)
		return problem_say(x, e, ROLE_EXISTS);
	return e == E_OK ? role_get(x, was.id, out) : e;
}

enum err
role_delete(struct ctx *x, struct str actor, struct str ref)
{
	struct role was;
	enum err e = role_get(x, ref, &was);

	if (e != E_OK)
		return e;
	session_stale_roles(x);
	e = admin_decide(x, SQL(role_delete, .actor_id = actor,
	    .role_id = was.id, REQUESTER(x)), NULL);
	return e == E_FORBIDDEN && was.is_system ? problem_say(x, e,
	    "This role is part of the service and cannot be deleted") : e;
}

enum err
role_set_permissions(struct ctx *x, struct str actor, struct str ref,
    const struct str *permissions, size_t n, struct role *out)
{
	struct role was;
	struct str list;
	enum err e = role_get(x, ref, &was);

	if (e == E_OK)
		e = known_permissions(x, permissions, n, &list);
	if (e != E_OK)
		return e;
	session_stale_roles(x);
	e = admin_decide(x, SQL(role_set_permissions, .actor_id = actor,
	    .role_id = was.id, .permissions = list, REQUESTER(x)), NULL);
	return e == E_OK ? role_get(x, was.id, out) : e;
}

enum err
permission_list(struct ctx *x, long limit, long offset,
    struct permission **out, size_t *n, int64_t *total)
{
	struct permission_list_row first;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(permission_list,
	    .limit = limit, .offset = offset), &r);

	if (e != E_OK)
		return e;
	first = permission_list_row(r, 0);
	*n = first.id.p ? r->n : 0;
	*total = first.total;
	*out = arena_array(x->arena, r->n, sizeof(**out));
	for (size_t i = 0; i < *n; i++) {
		struct permission_list_row row = permission_list_row(r, i);

		(*out)[i] = (struct permission){
			.id = row.id, .name = row.name,
			.resource = row.resource,
			.action = row.action,
			.description = row.description,
			.is_active = row.is_active,
			.created_at = row.created_at,
		};
	}
	return E_OK;
}

enum err
permission_create(struct ctx *x, struct str actor,
    const struct permission *p, struct permission *out)
{
	enum err e;

	*out = *p;
	out->id = idempotency_id(x, 0);
	out->is_active = true;
	out->created_at = clock_wall();
	if (str_find(p->name, ',') < p->name.n)
		return problem_field(x, "name", "must not contain a comma");
	session_stale_roles(x);
	e = admin_decide(x, SQL(permission_create, .actor_id = actor,
	    .id = out->id, .name = p->name, .resource = p->resource,
	    .action = p->action, .description = p->description, REQUESTER(x)),
	    NULL);
	return e == E_CONFLICT ?
	    problem_say(x, e, "This permission already exists") : e;
}

static enum err
give_or_take(struct ctx *x, bool give, struct str actor,
    struct str user_ref, struct str role_ref)
{
	struct role_change_params p;
	struct str user, id, name;
	enum err e = admin_user_ref(x, user_ref, &user);

	if (e != E_OK)
		return e;
	split_ref(x, role_ref, &id, &name);
	session_stale(x, user);
	p = PARAMS(role_assign, .actor_id = actor, .user_id = user,
	    .role_id = id, .role_name = name, REQUESTER(x));
	return admin_decide(x, give ? SQL_OF(role_assign, &p) :
	    SQL_OF(role_unassign, &p), NULL);
}

enum err
role_assign(struct ctx *x, struct str actor, struct str user_ref,
    struct str role_ref)
{
	return give_or_take(x, true, actor, user_ref, role_ref);
}

enum err
role_unassign(struct ctx *x, struct str actor, struct str user_ref,
    struct str role_ref)
{
	return give_or_take(x, false, actor, user_ref, role_ref);
}

enum err
permission_check(struct ctx *x, struct str asker, struct str user_ref,
    struct str resource, struct str action, bool *allowed)
{
	struct str user;
	struct rows *r;
	enum err e = admin_user_ref(x, user_ref, &user);

	if (e == E_OK)
		e = db_run(x->db, x->arena, SQL(permission_check,
		    .user_id = user, .resource = resource, .action = action,
		    .actor_id = asker, REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e == E_OK)
		*allowed = permission_check_row(r, 0).allowed;
	if (e == E_OK)
		metric_pair(METRIC_PERMISSION_SUCCESS, *allowed);
	return e;
}
