/* POST, DELETE /admin/users/{id}/roles · DELETE …/roles/{role} */
#include "core/access/role_admin.h"
#include "core/problem.h"
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

enum { ROLE_ID, ROLE };

static const struct field fields[] = {
	[ROLE_ID] = { .name = "role_id", .type = FIELD_NAME, .min = 1,
		.max = 50, .doc = "Id of the role" },
	[ROLE] = { .name = "role", .aliases = "role_name name",
		.type = FIELD_NAME, .min = 1, .max = 50, .doc = "Or its name" },
	{ 0 },
};

/* The role that the body names, or else the path or query. */
static enum err
role_of_request(struct call *c, struct str *role)
{
	*role = given(c, ROLE_ID);
	if (role->n == 0)
		*role = given(c, ROLE);
	if (role->n == 0)
		*role = admin_query(c, "role_id", "role");
	return role->n ? E_OK :
	    problem_field(c->ctx, "role_id", "or role is required");
}

/* The account with the roles it has now. */
static enum err
answer_user_roles(struct call *c, const char *message)
{
	struct admin_user u;
	enum err e = admin_user_get(c->ctx, c->arg[0], &u);

	return e != E_OK ? e : answer(c, 200, message,
	    admin_answer_user(&u));
}

static enum err
assign(struct call *c)
{
	struct str role;
	enum err e = role_of_request(c, &role);

	if (e == E_OK)
		e = role_assign(c->ctx, admin_actor(c), c->arg[0], role);
	return e != E_OK ? e : answer_user_roles(c,
	    "Role assigned successfully");
}

static enum err
unassign_role(struct call *c, struct str role)
{
	enum err e = role_unassign(c->ctx, admin_actor(c), c->arg[0], role);

	return e != E_OK ? e : answer_user_roles(c,
	    "Role removed successfully");
}

static enum err
unassign(struct call *c)
{
	struct str role;
	enum err e = role_of_request(c, &role);

	return e != E_OK ? e : unassign_role(c, role);
}

static enum err
unassign_named(struct call *c)
{
	return unassign_role(c, c->arg[1]);
}

const struct handler admin_users_assign = { fields, assign };
const struct handler admin_users_unassign = { fields, unassign };
const struct handler admin_users_unassign_named = { NULL, unassign_named };
