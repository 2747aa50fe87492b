/* GET, POST /admin/users · GET, PUT, PATCH, DELETE /admin/users/{id} */
#include "handlers/shared/admin.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"

enum { EMAIL, USERNAME, PASSWORD, FIRST_NAME, LAST_NAME, FULL_NAME, ROLE,
	IS_VERIFIED, IS_ACTIVE };

static const struct field create_fields[] = {
	[EMAIL] = FIELDS_EMAIL,
	[USERNAME] = FIELDS_NEW_USERNAME,
	[PASSWORD] = { .name = "password", .type = FIELD_PASSWORD,
		.doc = "If left out, the user sets one by a mailed link" },
	[FIRST_NAME] = FIELDS_NEW_FIRST_NAME,
	[LAST_NAME] = FIELDS_NEW_LAST_NAME,
	[FULL_NAME] = { .name = "full_name", .aliases = "name",
		.type = FIELD_NAME, .doc = "Whole name" },
	[ROLE] = { .name = "role", .type = FIELD_NAME, .min = 1, .max = 50,
		.doc = "A role whose permissions the caller holds" },
	[IS_VERIFIED] = { .name = "is_verified", .aliases = "verified",
		.type = FIELD_BOOL,
		.doc = "Whether the address is verified; true if left out" },
	[IS_ACTIVE] = { .name = "is_active", .aliases = "active",
		.type = FIELD_BOOL, .doc = "true when not given" },
	{ 0 },
};

enum { U_EMAIL, U_USERNAME, U_FIRST_NAME, U_LAST_NAME, U_FULL_NAME,
	U_IS_VERIFIED, U_IS_ACTIVE };

static const struct field update_fields[] = {
	[U_EMAIL] = { .name = "email", .type = FIELD_EMAIL,
		.doc = "A new address must be verified by the code mailed to "
		    "it" },
	[U_USERNAME] = FIELDS_USERNAME,
	[U_FIRST_NAME] = FIELDS_FIRST_NAME,
	[U_LAST_NAME] = FIELDS_LAST_NAME,
	[U_FULL_NAME] = FIELDS_FULL_NAME,
	[U_IS_VERIFIED] = { .name = "is_verified", .aliases = "verified",
		.type = FIELD_BOOL,
		.doc = "Whether the address is verified; cannot be set "
		    "together with a new address" },
	[U_IS_ACTIVE] = { .name = "is_active", .aliases = "active",
		.type = FIELD_BOOL,
		.doc = "Whether the user can log in, like activate and "
		    "deactivate" },
	{ 0 },
};

static enum err
list_users(struct call *c)
{
	struct admin_user_filter f = {
		.search = admin_query(c, "search", "q"),
		.role = admin_query(c, "role", NULL),
		.after = admin_query(c, "after", "cursor"),
	};
	struct admin_user *u = NULL;
	struct listing l;
	enum err e = answer_page(c, &f.limit, &f.offset);

	if (e == E_OK)
		e = admin_query_bool(c, "is_active", "active", &f.active);
	if (e == E_OK)
		e = admin_query_bool(c, "is_verified", "verified",
		    &f.verified);
	if (e == E_OK)
		e = admin_user_list(c->ctx, &f, &u, &l.n, &l.total);
	if (e == E_OK && l.n && (long)l.n == f.limit)
		response_header(c->re, "X-Next-Cursor", u[l.n - 1].account.id);
	return answer_rows(c, e, "Users retrieved successfully", &l, u,
	    sizeof *u, admin_answer_user);
}

static int
bool_or_unset(const struct call *c, int field)
{
	return c->in[field].given ? (int)c->in[field].number : -1;
}

static enum err
create_user(struct call *c)
{
	const struct admin_user_wish w = {
		.as = { .email = given(c, EMAIL),
		    .username = given(c, USERNAME),
		    .password = given(c, PASSWORD),
		    .first_name = given(c, FIRST_NAME),
		    .last_name = given(c, LAST_NAME),
		    .full_name = given(c, FULL_NAME) },
		.role = given(c, ROLE),
		.verified = bool_or_unset(c, IS_VERIFIED) != 0,
		.active = bool_or_unset(c, IS_ACTIVE) != 0,
	};
	struct admin_user u;
	enum err e = admin_user_create(c->ctx, admin_actor(c), &w, &u);

	return e != E_OK ? e : answer(c, 201, "User created successfully",
	    admin_answer_user(&u));
}

static enum err
get_user(struct call *c)
{
	struct admin_user u;
	cJSON *data;
	enum err e = admin_user_get(c->ctx, c->arg[0], &u);

	if (e != E_OK)
		return e;
	data = admin_answer_user(&u);
	json_add_int(data, "active_sessions", u.sessions);
	json_add_time(data, "locked_until", u.locked_until);
	return answer(c, 200, "User retrieved successfully", data);
}

static enum err
update_user(struct call *c)
{
	const struct registration r = {
		.email = given(c, U_EMAIL), .username = given(c, U_USERNAME),
		.first_name = given(c, U_FIRST_NAME),
		.last_name = given(c, U_LAST_NAME),
		.full_name = given(c, U_FULL_NAME),
	};
	struct admin_user u;
	enum err e = admin_user_update(c->ctx, admin_actor(c), c->arg[0], &r,
	    bool_or_unset(c, U_IS_VERIFIED), bool_or_unset(c, U_IS_ACTIVE), &u);

	return e != E_OK ? e : answer(c, 200, "User updated successfully",
	    admin_answer_user(&u));
}

static enum err
delete_user(struct call *c)
{
	enum err e = admin_user_act(c->ctx, admin_actor(c), c->arg[0],
	    ADMIN_DELETE, NULL);

	return e != E_OK ? e : answer(c, 200, "User deleted successfully",
	    NULL);
}

const struct handler admin_users_list = { NULL, list_users };
const struct handler admin_users_create = { create_fields, create_user };
const struct handler admin_users_get = { NULL, get_user };
const struct handler admin_users_update = { update_fields, update_user };
const struct handler admin_users_delete = { NULL, delete_user };
