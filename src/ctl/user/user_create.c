#include "base/encoding.h"
#include "ctl/user/user.h"

static struct {
	const char *email, *username, *first, *last, *full;
	struct ctl_texts roles;
	bool password;
} create;

const struct ctl_option user_create_options[] = {
	{ "email", CTL_TEXT, &create.email, "address, taken as verified" },
	{ "username", CTL_TEXT, &create.username,
	    "letters, digits, _ . -" },
	{ "role", CTL_TEXTS, &create.roles,
	    "role by name, may come again; default account.default_role" },
	{ "password-stdin", CTL_FLAG, &create.password,
	    "the first line of standard input; without it none is set" },
	{ "first-name", CTL_TEXT, &create.first, "given name" },
	{ "last-name", CTL_TEXT, &create.last, "family name" },
	{ "full-name", CTL_TEXT, &create.full, "whole name" },
	{ 0 },
};

/* The fields of the command line, canonical. */
struct person {
	struct str email, username, first, last, full;
};

static int
read_user_field(struct ctl *c, enum field_type type, const char *name,
    const char *text, struct str *out)
{
	const char *wrong = user_value(c, type, name, str_of(text), out);

	return wrong ? ctl_fail(E_VALIDATION, "--%s %s", name, wrong) : CTL_OK;
}

static int
read_person(struct ctl *c, struct person *p)
{
	int status = read_user_field(c, FIELD_EMAIL, "email", create.email,
	    &p->email);

	if (status == CTL_OK)
		status = read_user_field(c, FIELD_USERNAME_GIVEN, "username",
		    create.username, &p->username);
	if (status == CTL_OK)
		status = read_user_field(c, FIELD_NAME, "first-name",
		    create.first,
		    &p->first);
	if (status == CTL_OK)
		status = read_user_field(c, FIELD_NAME, "last-name",
		    create.last,
		    &p->last);
	if (status == CTL_OK)
		status = read_user_field(c, FIELD_NAME, "full-name",
		    create.full,
		    &p->full);
	if (status == CTL_OK && (p->email.n == 0 || p->username.n == 0))
		status = ctl_fail(E_VALIDATION,
		    "--email and --username are wanted");
	if (p->full.n == 0 && (p->first.n || p->last.n))
		p->full = str_trim(arena_fmt(c->arena, "%.*s %.*s",
		    STR_FMT(p->first), STR_FMT(p->last)));
	return status;
}

int
user_create(struct ctl *c)
{
	struct ctl_user_create_row row;
	struct person p = { 0 };
	struct str hash = STR_NONE, roles;
	struct str id = uuid_text(c->arena, uuid_v7());
	cJSON *answer = json_object();
	struct rows *r;
	int status = read_person(c, &p);
	enum err e;

	if (create.roles.n == 0)
		create.roles.text[create.roles.n++] = c->config->default_role;
	if (status == CTL_OK)
		status = user_roles(c, &create.roles, &roles);
	if (status == CTL_OK && create.password)
		status = user_hash(c, &(struct user_new){ .username =
		    p.username, .email = p.email }, false, &hash);
	if (status != CTL_OK)
		return status;
	e = db_run(c->db, c->arena, SQL(ctl_user_create, .id = id,
	    .email = p.email, .username = p.username, .password_hash = hash,
	    .first_name = p.first, .last_name = p.last, .full_name = p.full,
	    .roles = roles), &r);
	if (e == E_CONFLICT)
		return ctl_fail(e, "there is already an account with this %s",
		    strcmp(db_constraint(c->db), "users_email_key") == 0 ?
		    "e-mail address" : "user name");
	if (e != E_OK)
		return ctl_fail_db(c, e);
	json_add_str(answer, "id", id);
	row = ctl_user_create_row(r, 0);
	json_add_int(answer, "numeric_id", row.numeric_id);
	json_add_str(answer, "email", p.email);
	json_add_str(answer, "username", p.username);
	json_add_str(answer, "roles", roles);
	json_add_bool(answer, "has_password", hash.n > 0);
	json_add_time(answer, "created_at", row.created_at);
	return ctl_print(c, answer);
}
