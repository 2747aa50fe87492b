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
		e = db_run(c->db, c->arena, SQL(ctl_roles_known, .roles = one),
		    &r);
		if (e != E_OK)
			return ctl_fail_db(c, e);
		if (ctl_roles_known_row(r, 0).known != 1)
			return ctl_fail(E_NOT_FOUND, "there is no role %s",
			    words->text[i]);
	}
	*roles = buf_str(&b);
	return CTL_OK;
}

int
user_find(struct ctl *c, const char *who, struct ctl_user_find_row *out)
{
	struct rows *r;
	enum err e = db_run(c->db, c->arena, SQL(ctl_user_find,
	    .who = str_of(who)), &r);

	if (e != E_OK)
		return ctl_fail_db(c, e);
	if (r->n == 0)
		return ctl_fail(E_NOT_FOUND, "there is no user %s", who);
	*out = ctl_user_find_row(r, 0);
	return CTL_OK;
}

static int
run_show(struct ctl *c)
{
	struct ctl_user_find_row row;
	cJSON *answer = json_object();
	int status = user_find(c, c->args[0], &row);

	if (status != CTL_OK)
		return status;
	json_add_str(answer, "id", row.id);
	json_add_str(answer, "email", row.email);
	json_add_str(answer, "username", row.username);
	json_add_str(answer, "full_name", row.full_name);
	json_add_int(answer, "numeric_id", row.numeric_id);
	json_add_str(answer, "first_name", row.first_name);
	json_add_str(answer, "last_name", row.last_name);
	json_add_bool(answer, "is_active", row.is_active);
	json_add_bool(answer, "is_verified", row.is_verified);
	json_add_bool(answer, "two_factor_enabled", row.two_factor_enabled);
	json_add_str(answer, "roles", row.roles);
	json_add_bool(answer, "has_password", row.has_password);
	json_add_bool(answer, "must_reset_password", row.must_reset_password);
	json_add_time(answer, "created_at", row.created_at);
	json_add_time(answer, "updated_at", row.updated_at);
	json_add_time(answer, "last_login_at", row.last_login_at);
	json_add_time(answer, "password_changed_at", row.password_changed_at);
	json_add_int(answer, "live_sessions", row.sessions);
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
	enum err e = db_run(c->db, c->arena, SQL(ctl_user_list,
	    .behind = list.after, .role = str_of(list.role),
	    .search = str_of(list.search), .limit = list.limit), &r);

	if (e != E_OK)
		return ctl_fail_db(c, e);
	for (size_t i = 0; i < r->n; i++) {
		struct ctl_user_list_row found = ctl_user_list_row(r, i);
		cJSON *row = json_object();

		json_add_int(row, "numeric_id", found.numeric_id);
		json_add_str(row, "id", found.id);
		json_add_str(row, "email", found.email);
		json_add_str(row, "username", found.username);
		json_add_bool(row, "active", found.is_active);
		json_add_bool(row, "verified", found.is_verified);
		json_add_str(row, "roles", found.roles);
		json_add_time(row, "created_at", found.created_at);
		json_add_time(row, "last_login_at", found.last_login_at);
		json_push(rows, row);
	}
	return ctl_print(c, rows);
}

/*
 * Run a change that must leave one active super_admin, under the lock that
 * makes two such changes wait for each other (row RB4).
 */
static int
change(struct ctl *c, const struct ctl_user_find_row *user,
    struct statement s, const char *done)
{
	struct rows *results[2];
	const struct statement steps[] = { SQL(ctl_admin_lock), s };
	cJSON *answer = json_object();
	struct ctx x = user_ctx(c);
	enum err e;

	session_stale(&x, user->id);
	e = db_batch(c->db, c->arena, steps, 2, results);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	if (results[1]->n == 0)
		return ctl_fail(E_CONFLICT, "%s is the last active "
		    "super_admin; make another one first", c->args[0]);
	ctl_say(c, "%.*s %s.", STR_FMT(user->email), done);
	if (!c->json)
		return CTL_OK;
	json_add_str(answer, "id", user->id);
	json_add_str(answer, "email", user->email);
	json_add_str(answer, "state", str_of(done));
	return ctl_print(c, answer);
}

static int
run_activate(struct ctl *c)
{
	struct ctl_user_find_row user;
	int status = user_find(c, c->args[0], &user);

	return status != CTL_OK ? status : change(c, &user,
	    SQL(ctl_user_activate, .user_id = user.id), "is active");
}

static int
run_deactivate(struct ctl *c)
{
	struct ctl_user_find_row user;
	int status = user_find(c, c->args[0], &user);

	return status != CTL_OK ? status : change(c, &user,
	    SQL(ctl_user_deactivate, .user_id = user.id),
	    "is deactivated; all sessions ended");
}

static int
run_set_role(struct ctl *c)
{
	struct ctl_texts words = { .n = 0 };
	struct ctl_user_find_row user;
	struct str roles;
	int status;

	for (int i = 1; i < c->nargs; i++)
		words.text[words.n++] = c->args[i];
	status = user_roles(c, &words, &roles);
	if (status == CTL_OK)
		status = user_find(c, c->args[0], &user);
	return status != CTL_OK ? status : change(c, &user,
	    SQL(ctl_user_set_roles, .user_id = user.id, .roles = roles),
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
	struct ctl_user_find_row user;
	int status;

	if (!erase.yes)
		return ctl_fail(E_VALIDATION, "this cannot be undone; "
		    "say --yes, or deactivate");
	status = user_find(c, c->args[0], &user);
	return status != CTL_OK ? status : change(c, &user,
	    SQL(ctl_user_delete, .user_id = user.id), "is deleted");
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
