#include "ctl/user/user.h"

#include "base/buf.h"
#include "core/session/session.h"
#include "http/field.h"

const char *
user_value(struct ctl *c, enum field_type type, const char *name,
    struct str text, struct str *out)
{
	const struct field row = { .name = name, .type = type };
	struct value v = { 0 };
	const char *wrong;

	*out = STR_NONE;
	if (text.n == 0)
		return NULL;
	if (str_has_nul(text) || !str_utf8(text, NULL))
		return "must be UTF-8";
	wrong = field_read(c->arena, &row, json_str(text), &v);
	*out = v.text;
	return wrong;
}

struct ctx
user_ctx(struct ctl *c)
{
	return (struct ctx){ .config = c->config, .keys = c->keys,
		.db = c->db, .cache = c->cache, .shared = c->shared,
		.arena = c->arena, .user_agent = STR("posternctl") };
}

int
user_roles(struct ctl *c, const struct ctl_texts *words, struct str *roles)
{
	struct buf b = buf_new(c->arena, 4096);
	struct rows *r;
	enum err e;

	for (size_t i = 0; i < words->n; i++) {
		struct str one = str_of(words->text[i]);

		if (str_find(one, ',') < one.n)
			return ctl_fail(E_VALIDATION, "one role at a time");
		if (i)
			buf_byte(&b, ',');
		buf_add(&b, one);
		e = db_exec(c->db, c->arena, Q_CTL_ROLES_KNOWN, &r,
		    A_STR(one));
		if (e != E_OK)
			return ctl_fail(e, NULL);
		if (row_int(r, 0, 0) != 1)
			return ctl_fail(E_NOT_FOUND, "there is no role %s",
			    words->text[i]);
	}
	*roles = buf_str(&b);
	return CTL_OK;
}

int
user_find(struct ctl *c, const char *who, struct rows **r)
{
	enum err e = db_exec(c->db, c->arena, Q_CTL_USER_FIND, r,
	    A_TEXT(who));

	if (e != E_OK)
		return ctl_fail(e, NULL);
	if ((*r)->n == 0)
		return ctl_fail(E_NOT_FOUND, "there is no user %s", who);
	return CTL_OK;
}

static int
run_show(struct ctl *c)
{
	static const char *const texts[] = { "id", NULL, "email", "username",
		"full_name" };
	cJSON *answer = json_object();
	struct rows *r;
	int status = user_find(c, c->args[0], &r);

	if (status != CTL_OK)
		return status;
	for (int i = 0; i < 5; i++)
		if (texts[i])
			json_add_str(answer, texts[i], row_str(r, 0, i));
	json_add_int(answer, "numeric_id", row_int(r, 0, 1));
	json_add_str(answer, "first_name", row_str(r, 0, 9));
	json_add_str(answer, "last_name", row_str(r, 0, 10));
	json_add_bool(answer, "is_active", row_bool(r, 0, 5));
	json_add_bool(answer, "is_verified", row_bool(r, 0, 6));
	json_add_bool(answer, "two_factor_enabled", row_bool(r, 0, 7));
	json_add_str(answer, "roles", row_str(r, 0, 8));
	json_add_bool(answer, "has_password", row_bool(r, 0, 11));
	json_add_bool(answer, "must_reset_password", row_bool(r, 0, 12));
	json_add_time(answer, "created_at", row_int(r, 0, 13));
	json_add_time(answer, "updated_at", row_int(r, 0, 14));
	json_add_time(answer, "last_login_at", row_int(r, 0, 15));
	json_add_time(answer, "password_changed_at", row_int(r, 0, 16));
	json_add_int(answer, "live_sessions", row_int(r, 0, 17));
	return ctl_print(c, answer);
}

static struct {
	const char *role, *search;
	long after, limit;
} list = { .limit = 50 };

static const struct ctl_option list_options[] = {
	{ "role", CTL_TEXT, &list.role, "only who has this role" },
	{ "search", CTL_TEXT, &list.search, "part of address or user name" },
	{ "after", CTL_NUMBER, &list.after,
	    "only behind this numeric id: the next page" },
	{ "limit", CTL_NUMBER, &list.limit, "at most so many (50)" },
	{ 0 },
};

static int
run_user_list(struct ctl *c)
{
	cJSON *rows = json_array();
	struct rows *r;
	enum err e = db_exec(c->db, c->arena, Q_CTL_USER_LIST, &r,
	    A_INT(list.after), A_TEXT(list.role), A_TEXT(list.search),
	    A_INT(list.limit));

	if (e != E_OK)
		return ctl_fail(e, NULL);
	for (size_t i = 0; i < r->n; i++) {
		cJSON *row = json_object();

		json_add_int(row, "numeric_id", row_int(r, i, 0));
		json_add_str(row, "id", row_str(r, i, 1));
		json_add_str(row, "email", row_str(r, i, 2));
		json_add_str(row, "username", row_str(r, i, 3));
		json_add_bool(row, "active", row_bool(r, i, 4));
		json_add_bool(row, "verified", row_bool(r, i, 5));
		json_add_str(row, "roles", row_str(r, i, 6));
		json_add_time(row, "created_at", row_int(r, i, 7));
		json_add_time(row, "last_login_at", row_int(r, i, 8));
		json_push(rows, row);
	}
	return ctl_print(c, rows);
}

/*
 * Run a change that may not take the last active super_admin away, under the
 * lock that makes two such changes wait for each other (row RB4).
 */
static int
change(struct ctl *c, enum query q, struct str *arg, const char *done)
{
	struct rows *r, *results[2];
	struct arg args[2] = { { 0 } };
	const struct statement steps[] = { SQL_AT(Q_CTL_ADMIN_LOCK, NULL, 0),
		SQL_AT(q, args, arg ? 2 : 1) };
	cJSON *answer = json_object();
	struct ctx x = user_ctx(c);
	int status = user_find(c, c->args[0], &r);
	enum err e;

	if (status != CTL_OK)
		return status;
	args[0] = A_STR(row_str(r, 0, 0));
	if (arg)
		args[1] = A_STR(*arg);
	session_stale(&x, row_str(r, 0, 0));
	e = db_batch(c->db, c->arena, steps, 2, results);
	if (e != E_OK)
		return ctl_fail(e, NULL);
	if (results[1]->n == 0)
		return ctl_fail(E_CONFLICT, "%s is the last active "
		    "super_admin; make another one first", c->args[0]);
	ctl_say(c, "%.*s %s.", STR_FMT(row_str(r, 0, 2)), done);
	if (!c->json)
		return CTL_OK;
	json_add_str(answer, "id", row_str(r, 0, 0));
	json_add_str(answer, "email", row_str(r, 0, 2));
	json_add_str(answer, "state", str_of(done));
	return ctl_print(c, answer);
}

static int
run_activate(struct ctl *c)
{
	return change(c, Q_CTL_USER_ACTIVATE, NULL, "is active");
}

static int
run_deactivate(struct ctl *c)
{
	return change(c, Q_CTL_USER_DEACTIVATE, NULL,
	    "is deactivated; all sessions ended");
}

static int
run_set_role(struct ctl *c)
{
	struct ctl_texts words = { .n = 0 };
	struct str roles;
	int status;

	for (int i = 1; i < c->nargs; i++)
		words.text[words.n++] = c->args[i];
	status = user_roles(c, &words, &roles);
	if (status != CTL_OK)
		return status;
	return change(c, Q_CTL_USER_SET_ROLES, &roles,
	    arena_fmt(c->arena, "has the roles %.*s", STR_FMT(roles)).p);
}

static struct {
	bool yes;
} erase;

static const struct ctl_option erase_options[] = {
	{ "yes", CTL_FLAG, &erase.yes, "really" },
	{ 0 },
};

static int
run_delete(struct ctl *c)
{
	if (!erase.yes)
		return ctl_fail(E_VALIDATION, "this cannot be undone; "
		    "say --yes, or deactivate");
	return change(c, Q_CTL_USER_DELETE, NULL, "is deleted");
}

const struct ctl_command ctl_users[] = {
	{ "user create", "", 0, 0, CTL_NEEDS_DB, user_create_options,
	    user_create, "Make a verified account" },
	{ "user list", "", 0, 0, CTL_NEEDS_DB, list_options, run_user_list,
	    "Accounts in the order they were made" },
	{ "user show", "USER", 1, 1, CTL_NEEDS_DB, NULL, run_show,
	    "One account, by address, user name or id" },
	{ "user activate", "USER", 1, 1, CTL_NEEDS_DB, NULL, run_activate,
	    "Let an account log in again" },
	{ "user deactivate", "USER", 1, 1, CTL_NEEDS_DB, NULL,
	    run_deactivate, "Lock an account out and end its sessions" },
	{ "user set-role", "USER ROLE...", 2, CTL_TEXTS_MAX, CTL_NEEDS_DB,
	    NULL, run_set_role, "Give an account these roles and no others" },
	{ "user set-password", "USER", 1, 1, CTL_NEEDS_DB,
	    user_set_password_options, user_set_password,
	    "Give an account a new password and end its sessions" },
	{ "user unlock", "USER", 1, 1, CTL_NEEDS_DB, NULL, user_unlock,
	    "Forget the failed logins and codes of an account" },
	{ "user reset-2fa", "USER", 1, 1, CTL_NEEDS_DB, NULL, user_reset_2fa,
	    "Take all second factors away and end the sessions" },
	{ "user delete", "USER", 1, 1, CTL_NEEDS_DB, erase_options,
	    run_delete, "Delete an account and all that belongs to it" },
	{ 0 },
};
