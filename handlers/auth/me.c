/* GET, PUT, PATCH, DELETE /auth/me, /user/profile */
#include "base/limits.h"
#include "core/access/api_key.h"
#include "core/access/role.h"
#include "core/account/account_register.h"
#include "core/account/erase.h"
#include "handlers/shared/fields.h"
#include "handlers/shared/handlers.h"
#include "handlers/shared/prove.h"
#include "http/dialect.h"
#include "web/printed.h"

enum { USERNAME, FIRST_NAME, LAST_NAME, FULL_NAME };

static const struct field fields[] = {
	[USERNAME] = FIELDS_USERNAME,
	[FIRST_NAME] = FIELDS_FIRST_NAME,
	[LAST_NAME] = FIELDS_LAST_NAME,
	[FULL_NAME] = FIELDS_FULL_NAME,
	{ 0 },
};

/* The profile with the permissions of its roles. */
static enum err
answer_profile(struct call *c, const char *message, const struct account *a,
    int64_t role_version)
{
	cJSON *data = answer_user(a), *array = json_array();
	struct str *have;
	size_t n;
	enum err e = role_permissions(c->ctx, a->roles, role_version, &have,
	    &n);

	for (size_t i = 0; e == E_OK && i < n; i++)
		json_push_str(array, have[i]);
	json_add(data, "permissions", array);
	return e != E_OK ? e : answer(c, 200, message, data);
}

static const char retrieved[] = "Profile retrieved successfully";

static enum err
profile_of_key(struct call *c)
{
	struct account a;
	enum err e = account_find(c->ctx, c->actor.key->user_id, &a, NULL);

	return e != E_OK ? e : answer_profile(c, retrieved, &a,
	    c->actor.key->role_version);
}

/* Who asks again and again gets what was printed of the same row before. */
static enum err
profile_of_session(struct call *c, const struct session *s)
{
	struct buf b = buf_new(c->ctx->arena, LIMIT_ANSWER);
	enum err e;

	c->re->printed = printed_find(s, c->rq->dialect);
	if (c->re->printed.n)
		return answer(c, 200, retrieved, NULL);
	e = answer_profile(c, retrieved, &s->account, s->role_version);
	if (e != E_OK || s->source.read == 0)
		return e;
	dialect_write_data(&b, c->rq->dialect, c->re->data);
	if (b.full)
		return E_OK;
	c->re->printed = buf_str(&b);
	printed_keep(s, c->rq->dialect, c->re->printed);
	return E_OK;
}

static enum err
get_profile(struct call *c)
{
	return c->actor.session ? profile_of_session(c, c->actor.session) :
	    profile_of_key(c);
}

static enum err
update_profile(struct call *c)
{
	const struct registration r = {
		.username = given(c, USERNAME),
		.first_name = given(c, FIRST_NAME),
		.last_name = given(c, LAST_NAME),
		.full_name = given(c, FULL_NAME),
	};
	struct account a;
	enum err e = account_update(c->ctx, c->actor.session->account.id, &r,
	    &a);

	return e != E_OK ? e : answer_profile(c, "Profile updated successfully",
	    &a,
	    c->actor.session->role_version);
}

enum { PASSWORD, CODE };

static const struct field delete_fields[] = {
	[PASSWORD] = { .name = "password", .aliases = "current_password",
		.type = FIELD_PASSWORD,
		.doc = "Required, or code, when the session is older than 10 "
		    "minutes" },
	[CODE] = { .name = "code", .aliases = "otp token", .type = FIELD_CODE,
		.min = 1, .max = 64,
		.doc = "Code of a second factor, or a backup code" },
	{ 0 },
};

static enum err
erase(struct call *c)
{
	cJSON *data = json_object();
	int64_t at;
	enum err e = prove_now(c, PASSWORD, CODE);

	if (e == E_OK)
		e = erase_request(c->ctx, &c->actor.session->account, &at);
	if (e != E_OK)
		return e;
	json_add_time(data, "erase_at", at);
	return answer(c, 200, "Your account will be erased. Log in before "
	    "that to keep it", data);
}

const struct handler auth_me_delete = { delete_fields, erase };
const struct handler auth_me_get = { NULL, get_profile };
const struct handler auth_me_update = { fields, update_profile };
