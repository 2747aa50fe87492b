/* POST /auth/check-permission */
#include "core/access/api_key.h"
#include "core/access/role.h"
#include "core/access/role_admin.h"
#include "handlers/shared/handlers.h"

enum { RESOURCE, ACTION, USER_ID };

static const struct field fields[] = {
	[RESOURCE] = { .name = "resource", .type = FIELD_NAME, .min = 1,
		.max = 50, .required = true, .doc = "reviews" },
	[ACTION] = { .name = "action", .type = FIELD_NAME, .min = 1, .max = 20,
		.required = true, .doc = "read" },
	[USER_ID] = { .name = "user_id", .type = FIELD_NAME, .min = 1,
		.max = 36,
		.doc = "Another user: for administration, and for its keys "
		    "with the scope permissions:read" },
	{ 0 },
};

/*
 * *user is whom the question is about: the caller, or another user if the
 * caller holds users.read; an API key then needs a scope too.
 */
static enum err
about(struct call *c, struct str self, struct str *user)
{
	const struct session *s = c->actor.session;
	const struct api_key *k = c->actor.key;

	*user = given(c, USER_ID);
	if (user->n == 0 || str_eq_nocase(*user, self)) {
		*user = self;
		return E_OK;
	}
	if (s == NULL && !api_key_has(k, STR("permissions:read")))
		return E_SCOPE;
	return role_holds(c->ctx, s ? s->account.roles : k->roles,
	    s ? s->role_version : k->role_version, "users.read");
}

static enum err
run_check_permission(struct call *c)
{
	struct str self = c->actor.session ? c->actor.session->account.id :
	    c->actor.key->user_id;
	struct str user;
	cJSON *data = json_object();
	bool allowed = false;
	enum err e = about(c, self, &user);

	if (e == E_OK)
		e = permission_check(c->ctx, self, user, given(c, RESOURCE),
		    given(c, ACTION), &allowed);
	if (e != E_OK)
		return e;
	json_add_bool(data, "allowed", allowed);
	json_add_str(data, "resource", given(c, RESOURCE));
	json_add_str(data, "action", given(c, ACTION));
	json_add_str(data, "user_id", user);
	return answer(c, 200, allowed ? "Permission granted" :
	    "Permission denied", data);
}

const struct handler auth_check_permission = { fields, run_check_permission };
