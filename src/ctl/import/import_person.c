#include "base/encoding.h"
#include "crypto/password/password.h"
#include "ctl/import/import.h"
#include "ctl/user/user.h"

/* What a column may be called, letter case, '_' and '-' aside. */
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
read_person_time(struct arena *a, struct str s, struct arg *out)
{
	int64_t us;

	*out = A_NULL;
	if (s.n == 0)
		return NULL;
	if (!import_time(a, s, &us))
		return "created_at is neither a time as in 2026-01-02 "
		    "03:04:05+00 nor Unix seconds";
	*out = A_INT(us);
	return NULL;
}

/* A field as a registration would take it, its name before the fault. */
static const char *
read_person_field(struct ctl *c, const struct import_record *r,
    enum column column,
    enum field_type type, const char *name, struct arg *out)
{
	struct str value;
	const char *wrong = user_value(c, type, name, cell_of(r, column),
	    &value);

	*out = A_STR(value);
	if (wrong)
		return arena_fmt(c->arena, "%s %s", name, wrong).p;
	return NULL;
}

/* Why what stands in place of a hash is none we can check, or NULL. */
static const char *
read_hash(struct arena *a, struct str hash, struct arg *out)
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

	*out = A_STR(hash);
	return why[is];
}

/* One query per word of the file, not per line. */
static const char *
read_roles(struct ctl *c, const struct import_record *r,
    struct import_defaults *d, struct arg *out)
{
	struct str given = cell_of(r, ROLES);
	struct rows *rows;

	*out = A_STR(given.n ? given : d->roles);
	if (given.n == 0)
		return NULL;
	for (size_t i = 0; i < d->nknown; i++)
		if (str_eq(d->known[i], given))
			return NULL;
	for (struct str rest = given, one; str_split(&rest, ',', &one);)
		if (db_exec(c->db, c->arena, Q_CTL_ROLES_KNOWN, &rows,
		    A_STR(one)) != E_OK || row_int(rows, 0, 0) != 1)
			return "there is no such role";
	if (d->nknown < IMPORT_ROLES)
		d->known[d->nknown++] = arena_str(d->arena, given);
	return NULL;
}

/* Where people sign in by address, that is the name they bring. */
static const char *
read_person_username(struct ctl *c, const struct import_record *r,
    struct str email,
    struct arg *out)
{
	struct str name = cell_of(r, USERNAME);

	if (email.n && str_eq_nocase(name, email)) {
		*out = A_STR(email);
		return NULL;
	}
	return read_person_field(c, r, USERNAME, FIELD_USERNAME_GIVEN,
	    "username",
	    out);
}

const char *
import_person(struct ctl *c, const struct import_record *r,
    struct import_defaults *d, struct arg *v, const char **bare)
{
	const char *wrong = r->wrong;
	bool verified = false, active = false;

	v[0] = A_STR(uuid_text(c->arena, uuid_v7()));
	if (!wrong)
		wrong = read_person_field(c, r, EMAIL, FIELD_EMAIL, "email",
		    &v[1]);
	if (!wrong)
		wrong = read_person_username(c, r, v[1].text, &v[2]);
	if (!wrong && (v[1].text.n == 0 || v[2].text.n == 0))
		wrong = "email or username is missing";
	if (!wrong)
		wrong = read_person_field(c, r, FIRST, FIELD_NAME, "first_name",
		    &v[4]);
	if (!wrong)
		wrong = read_person_field(c, r, LAST, FIELD_NAME, "last_name",
		    &v[5]);
	if (!wrong)
		wrong = read_person_field(c, r, FULL, FIELD_NAME, "full_name",
		    &v[6]);
	if (!wrong)
		wrong = read_roles(c, r, d, &v[7]);
	if (!wrong)
		wrong = read_bool(cell_of(r, VERIFIED), d->verified, &verified);
	if (!wrong)
		wrong = read_bool(cell_of(r, ACTIVE), true, &active);
	if (!wrong)
		wrong = read_person_time(c->arena, cell_of(r, CREATED), &v[10]);
	*bare = read_hash(c->arena, cell_of(r, HASH), &v[IMPORT_HASH]);
	v[8] = A_BOOL(verified);
	v[9] = A_BOOL(active);
	return wrong;
}
