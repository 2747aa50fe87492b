/* GET, POST /roles · GET, PUT, PATCH, DELETE /roles/{id} · permissions */
#include "core/access/role_admin.h"
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

enum { NAME, DESCRIPTION, PERMISSIONS };

static const struct field create_fields[] = {
	[NAME] = { .name = "name", .type = FIELD_NAME, .min = 1, .max = 50,
		.required = true, .doc = "Lower-case letters, digits, _ . -" },
	[DESCRIPTION] = { .name = "description", .type = FIELD_TEXT, .max = 500,
		.doc = "For people" },
	[PERMISSIONS] = { .name = "permissions", .type = FIELD_TEXTS, .max = 64,
		.doc = "Names of permissions; the caller must hold each" },
	{ 0 },
};

enum { U_NAME, U_DESCRIPTION, U_IS_ACTIVE };

static const struct field update_fields[] = {
	[U_NAME] = { .name = "name", .type = FIELD_NAME, .min = 1, .max = 50,
		.doc = "Cannot be changed for a role that comes with the "
		    "service" },
	[U_DESCRIPTION] = { .name = "description", .type = FIELD_TEXT,
		.max = 500, .doc = "For people" },
	[U_IS_ACTIVE] = { .name = "is_active", .aliases = "active",
		.type = FIELD_BOOL,
		.doc = "If false, the role gives no permissions" },
	{ 0 },
};

static const struct field permission_fields[] = {
	{ .name = "permissions", .type = FIELD_TEXTS, .max = 64,
		.required = true,
		.doc = "Names of all permissions of the role; replaces the "
		    "ones before" },
	{ 0 },
};

static cJSON *
role_record(const void *row)
{
	const struct role *r = row;
	cJSON *o = json_object();

	json_add_str(o, "id", r->id);
	json_add_str(o, "name", r->name);
	json_add_str(o, "description", r->description);
	json_add_bool(o, "is_active", r->is_active);
	json_add_bool(o, "is_system", r->is_system);
	json_add(o, "permissions", answer_list(r->permissions));
	json_add_time(o, "created_at", r->created_at);
	json_add_time(o, "updated_at", r->updated_at);
	return o;
}

static enum err
answer_role(struct call *c, enum err e, int status, const char *message,
    const struct role *r)
{
	return e != E_OK ? e : answer(c, status, message, role_record(r));
}

static enum err
list_roles(struct call *c)
{
	struct role *r = NULL;
	struct listing l;
	enum err e = answer_page(c, &l.limit, &l.offset);

	if (e == E_OK)
		e = role_list(c->ctx, l.limit, l.offset, &r, &l.n, &l.total);
	return answer_rows(c, e, "Roles retrieved successfully", &l, r,
	    sizeof *r, role_record);
}

static enum err
create_role(struct call *c)
{
	struct role r;
	enum err e = role_create(c->ctx, admin_actor(c), given(c, NAME),
	    given(c, DESCRIPTION), c->in[PERMISSIONS].texts,
	    c->in[PERMISSIONS].ntexts, &r);

	return answer_role(c, e, 201, "Role created successfully", &r);
}

static enum err
get_role(struct call *c)
{
	struct role r;

	return answer_role(c, role_get(c->ctx, c->arg[0], &r), 200,
	    "Role retrieved successfully", &r);
}

static enum err
update_role(struct call *c)
{
	const struct value *active = &c->in[U_IS_ACTIVE];
	struct role r;
	enum err e = role_update(c->ctx, admin_actor(c), c->arg[0],
	    given(c, U_NAME), given(c, U_DESCRIPTION),
	    active->given ? (int)active->number : -1, &r);

	return answer_role(c, e, 200, "Role updated successfully", &r);
}

static enum err
delete_role(struct call *c)
{
	enum err e = role_delete(c->ctx, admin_actor(c), c->arg[0]);

	return e != E_OK ? e : answer(c, 200, "Role deleted successfully",
	    NULL);
}

static enum err
set_permissions(struct call *c)
{
	struct role r;
	enum err e = role_set_permissions(c->ctx, admin_actor(c), c->arg[0],
	    c->in[0].texts, c->in[0].ntexts, &r);

	return answer_role(c, e, 200, "Permissions set successfully", &r);
}

const struct handler roles_list = { NULL, list_roles };
const struct handler roles_create = { create_fields, create_role };
const struct handler roles_get = { NULL, get_role };
const struct handler roles_update = { update_fields, update_role };
const struct handler roles_delete = { NULL, delete_role };
const struct handler roles_set_permissions = { permission_fields,
	set_permissions };
