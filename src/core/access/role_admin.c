#include "core/access/role_admin.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/idempotency.h"

static struct role
role_cells(const struct rows *r, size_t i)
{
	return (struct role){
		.id = row_str(r, i, 0), .name = row_str(r, i, 1),
		.description = row_str(r, i, 2),
		.is_active = row_bool(r, i, 3),
		.is_system = row_bool(r, i, 4),
		.created_at = row_int(r, i, 5),
		.updated_at = row_int(r, i, 6),
		.permissions = row_str(r, i, 7),
	};
}

enum err
role_list(struct ctx *x, long limit, long offset, struct role **out,
    size_t *n, int64_t *total)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_ROLE_LIST, &r, A_NULL, A_NULL,
	    A_INT(limit), A_INT(offset));

	if (e != E_OK)
		return e;
	*n = r->n;
	*total = r->n ? row_int(r, 0, 8) : 0;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
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
	e = db_exec(x->db, x->arena, Q_ROLE_LIST, &r, A_STR(id), A_STR(name),
	    A_INT(1), A_INT(0));
	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_NOT_FOUND;
	*out = role_cells(r, 0);
	return E_OK;
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
	e = db_exec(x->db, x->arena, Q_PERMISSIONS_KNOWN, &r, A_STR(all));
	if (e != E_OK || (sane && row_int(r, 0, 0) == (int64_t)distinct))
		return e;
	x->field = "permissions";
	x->sentence = "names a permission that does not exist";
	return E_VALIDATION;
}

static bool
valid_role(struct ctx *x, struct str name)
{
	bool good = name.n > 0 && name.n <= 50 && name.p[0] >= 'a' &&
	    name.p[0] <= 'z';

	for (size_t i = 0; good && i < name.n; i++) {
		char c = name.p[i];

		good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '_' || c == '.' || c == '-';
	}
	if (!good) {
		x->field = "name";
		x->sentence = "must be lower-case letters, digits, _ . -, "
		    "beginning with a letter";
	}
	return good;
}

enum err
role_create(struct ctx *x, struct str actor, struct str name,
    struct str description, const struct str *permissions, size_t n,
    struct role *out)
{
	struct str id = idempotency_id(x, 0), list;
	enum err e = valid_role(x, name) ? known_permissions(x, permissions,
	    n, &list) : E_VALIDATION;

	if (e != E_OK)
		return e;
	session_stale_roles(x);
	e = admin_exec(x, Q_ROLE_CREATE, NULL, A_STR(actor), A_STR(id),
	    A_STR(name), A_STR(description), A_STR(list), ADMIN_WHENCE(x));
	if (e == E_CONFLICT)
		x->sentence = "A role with this name already exists";
	return e == E_OK ? role_get(x, id, out) : e;
}

enum err
role_update(struct ctx *x, struct str actor, struct str ref, struct str name,
    struct str description, int active, struct role *out)
{
	struct role was;
	enum err e = role_get(x, ref, &was);

	if (e == E_OK && name.p && !valid_role(x, name))
		e = E_VALIDATION;
	if (e != E_OK)
		return e;
	session_stale_roles(x);
	e = admin_exec(x, Q_ROLE_UPDATE, NULL, A_STR(actor), A_STR(was.id),
	    A_STR(name), A_STR(description), active < 0 ? A_NULL :
	    A_BOOL(active), ADMIN_WHENCE(x));
	if (e == E_CONFLICT)
		x->sentence = "A role with this name already exists";
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
	e = admin_exec(x, Q_ROLE_DELETE, NULL, A_STR(actor), A_STR(was.id),
	    ADMIN_WHENCE(x));
	if (e == E_FORBIDDEN && was.is_system)
		x->sentence = "This role is part of the service and cannot be "
		    "deleted";
	return e;
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
	e = admin_exec(x, Q_ROLE_SET_PERMISSIONS, NULL, A_STR(actor),
	    A_STR(was.id), A_STR(list), ADMIN_WHENCE(x));
	return e == E_OK ? role_get(x, was.id, out) : e;
}

enum err
permission_list(struct ctx *x, long limit, long offset,
    struct permission **out, size_t *n, int64_t *total)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_PERMISSION_LIST, &r,
	    A_INT(limit), A_INT(offset));

	if (e != E_OK)
		return e;
	*n = r->n;
	*total = r->n ? row_int(r, 0, 7) : 0;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = (struct permission){
			.id = row_str(r, i, 0), .name = row_str(r, i, 1),
			.resource = row_str(r, i, 2),
			.action = row_str(r, i, 3),
			.description = row_str(r, i, 4),
			.is_active = row_bool(r, i, 5),
			.created_at = row_int(r, i, 6),
		};
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
	if (str_find(p->name, ',') < p->name.n) {
		x->field = "name";
		x->sentence = "must not hold a comma";
		return E_VALIDATION;
	}
	session_stale_roles(x);
	e = admin_exec(x, Q_PERMISSION_CREATE, NULL, A_STR(actor),
	    A_STR(out->id), A_STR(p->name), A_STR(p->resource),
	    A_STR(p->action), A_STR(p->description), ADMIN_WHENCE(x));
	if (e == E_CONFLICT)
		x->sentence = "This permission already exists";
	return e;
}

static enum err
give_or_take(struct ctx *x, enum query q, struct str actor,
    struct str user_ref, struct str role_ref)
{
	struct str user, id, name;
	enum err e = admin_user_ref(x, user_ref, &user);

	if (e != E_OK)
		return e;
	split_ref(x, role_ref, &id, &name);
	session_stale(x, user);
	return admin_exec(x, q, NULL, A_STR(actor), A_STR(user), A_STR(id),
	    A_STR(name), ADMIN_WHENCE(x));
}

enum err
role_assign(struct ctx *x, struct str actor, struct str user_ref,
    struct str role_ref)
{
	return give_or_take(x, Q_ROLE_ASSIGN, actor, user_ref, role_ref);
}

enum err
role_unassign(struct ctx *x, struct str actor, struct str user_ref,
    struct str role_ref)
{
	return give_or_take(x, Q_ROLE_UNASSIGN, actor, user_ref, role_ref);
}

enum err
permission_check(struct ctx *x, struct str asker, struct str user_ref,
    struct str resource, struct str action, bool *allowed)
{
	struct str user;
	struct rows *r;
	enum err e = admin_user_ref(x, user_ref, &user);

	if (e == E_OK)
		e = db_exec(x->db, x->arena, Q_PERMISSION_CHECK, &r,
		    A_STR(user), A_STR(resource), A_STR(action),
		    A_STR(asker), ADMIN_WHENCE(x));
	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e == E_OK)
		*allowed = row_bool(r, 0, 0);
	if (e == E_OK)
		metric_pair(METRIC_PERMISSION_SUCCESS, *allowed);
	return e;
}
