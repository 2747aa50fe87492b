#include "base/encoding.h"
#include "crypto/password/password.h"
#include "ctl/import/import.h"
#include "ctl/user/user.h"

/* The names a column may have; letter case, '_' and '-' do not count. */
enum column {
	EMAIL, USERNAME, HASH, FIRST, LAST, FULL, ROLES, VERIFIED, ACTIVE,
	CREATED, COLUMNS
};
static const char *const columns[COLUMNS] = {
	[EMAIL] = "email emailaddress mail useremail",
	[USERNAME] = "username login preferredusername userlogin",
	[HASH] = ("passwordhash hash hashedpassword password passworddigest "
	    "userpass"),
	[FIRST] = "firstname givenname",
	[LAST] = "lastname familyname surname",
	[FULL] = "fullname name displayname",
	[ROLES] = "roles role",
	[VERIFIED] = "isverified verified emailverified",
	[ACTIVE] = "isactive active enabled",
	[CREATED] = "createdat created datejoined userregistered",
};

static bool
same_name(struct str name, struct str word)
{
	size_t at = 0;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '_' || c == '-' || c == ' ')
			continue;
		if (at == word.n || !str_eq_nocase((struct str){ &c, 1 },
		    str_slice(word, at, at + 1)))
			return false;
		at++;
	}
	return at == word.n;
}

static struct str
cell_of(const struct import_record *r, enum column column)
{
	struct str rest = str_of(columns[column]), word;

	/* The words in their order: "passwordhash" before "password". */
	while (str_split(&rest, ' ', &word))
		for (size_t i = 0; i < r->n; i++)
			if (same_name(r->name[i], word))
				return r->value[i];
	return STR_NONE;
}

/* NULL, or what is wrong with it. */
static const char *
read_bool(struct str s, bool otherwise, bool *out)
{
	static const char *const yes[] = { "true", "t", "1", "yes", "y" };
	static const char *const no[] = { "false", "f", "0", "no", "n" };

	*out = otherwise;
	if (s.n == 0)
		return NULL;
	for (size_t i = 0; i < 5; i++) {
		if (str_eq_nocase(s, str_of(yes[i]))) {
			*out = true;
			return NULL;
		}
		if (str_eq_nocase(s, str_of(no[i]))) {
			*out = false;
			return NULL;
		}
	}
	return "a flag is neither true nor false";
}

static const char *
read_person_time(struct arena *a, struct str s, const int64_t **out)
{
	int64_t *us = ARENA_NEW(a, int64_t);

	*out = NULL;
	if (s.n == 0)
		return NULL;
	if (!import_time(a, s, us))
		return "created_at is neither a time as in 2026-01-02 "
		    "03:04:05+00 nor Unix seconds";
	*out = us;
	return NULL;
}

/* A field as a registration would take it, its name before the fault. */
static const char *
read_person_field(struct ctl *c, const struct import_record *r,
    enum column column,
    enum field_type type, const char *name, struct str *out)
{
	struct str value;
	const char *wrong = user_value(c, type, name, cell_of(r, column),
	    &value);

	*out = value;
	if (wrong)
		return arena_fmt(c->arena, "%s %s", name, wrong).p;
	return NULL;
}

/* Why we cannot verify the text in place of a hash, or NULL. */
static const char *
read_hash(struct arena *a, struct str hash, struct str *out)
{
	static const char *const why[] = {
		[PASSWORD_TAKEN] = NULL,
		[PASSWORD_NONE] = NULL,
		[PASSWORD_UNKNOWN] = "the password hash is of no known kind",
		[PASSWORD_MALFORMED] = "the password hash is not well formed",
		[PASSWORD_COSTLY] = "the password hash costs too much to "
		    "check (password.import_memory_kib)",
	};
	enum password_import is = password_import(a, str_trim(hash), &hash);

	*out = hash;
	return why[is];
}

/* One query per word of the file, not per line. */
static const char *
read_roles(struct ctl *c, const struct import_record *r,
    struct import_defaults *d, struct str *out)
{
	struct str given = cell_of(r, ROLES);
	struct rows *rows;

	*out = given.n ? given : d->roles;
	if (given.n == 0)
		return NULL;
	for (size_t i = 0; i < d->nknown; i++)
		if (str_eq(d->known[i], given))
			return NULL;
	for (struct str rest = given, one; str_split(&rest, ',', &one);)
		if (db_run(c->db, c->arena, SQL(ctl_roles_known, .roles = one),
		    &rows) != E_OK || ctl_roles_known_row(rows, 0).known != 1)
			return "there is no such role";
	if (d->nknown < IMPORT_ROLES)
		d->known[d->nknown++] = arena_str(d->arena, given);
	return NULL;
}

/* Where people log in by address, their address is their user name. */
static const char *
read_person_username(struct ctl *c, const struct import_record *r,
    struct str email,
    struct str *out)
{
	struct str name = cell_of(r, USERNAME);

	if (email.n && str_eq_nocase(name, email)) {
		*out = email;
		return NULL;
	}
	return read_person_field(c, r, USERNAME, FIELD_USERNAME_GIVEN,
	    "username",
	    out);
}

const char *
import_person(struct ctl *c, const struct import_record *r,
    struct import_defaults *d, struct ctl_user_import_params *v,
    const char **bare)
{
	const char *wrong = r->wrong;

	*v = (struct ctl_user_import_params){
		.id = uuid_text(c->arena, uuid_v7()) };
	if (!wrong)
		wrong = read_person_field(c, r, EMAIL, FIELD_EMAIL, "email",
		    &v->email);
	if (!wrong)
		wrong = read_person_username(c, r, v->email, &v->username);
	if (!wrong && (v->email.n == 0 || v->username.n == 0))
		wrong = "email or username is missing";
	if (!wrong)
		wrong = read_person_field(c, r, FIRST, FIELD_NAME, "first_name",
		    &v->first_name);
	if (!wrong)
		wrong = read_person_field(c, r, LAST, FIELD_NAME, "last_name",
		    &v->last_name);
	if (!wrong)
		wrong = read_person_field(c, r, FULL, FIELD_NAME, "full_name",
		    &v->full_name);
	if (!wrong)
		wrong = read_roles(c, r, d, &v->roles);
	if (!wrong)
		wrong = read_bool(cell_of(r, VERIFIED), d->verified,
		    &v->is_verified);
	if (!wrong)
		wrong = read_bool(cell_of(r, ACTIVE), true, &v->is_active);
	if (!wrong)
		wrong = read_person_time(c->arena, cell_of(r, CREATED),
		    &v->created_at);
	*bare = read_hash(c->arena, cell_of(r, HASH), &v->password_hash);
	return wrong;
}
