#include "ctl/import.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "crypto/password.h"
#include "ctl/user.h"

#define BATCH 200	/* one transaction, one round trip */
#define ARENA_CAP ((size_t)64 << 20)
#define ROW_ARGS 11

static struct {
	const char *format;
	struct ctl_texts roles;
	bool verified, dry;
} opt;

static const struct ctl_option options[] = {
	{ "format", CTL_TEXT, &opt.format,
	    "csv or jsonl; default by the name of the file" },
	{ "role", CTL_TEXTS, &opt.roles,
	    "role of whom the file gives none; default account.default_role" },
	{ "verified", CTL_FLAG, &opt.verified,
	    "addresses are verified where the file does not say" },
	{ "dry-run", CTL_FLAG, &opt.dry, "check every line, change nothing" },
	{ 0 },
};

/* What a column may be called, letter case, '_' and '-' aside. */
enum column {
	EMAIL, USERNAME, HASH, FIRST, LAST, FULL, ROLES, VERIFIED, ACTIVE,
	CREATED, COLUMNS
};
static const char *const columns[COLUMNS] = {
	[EMAIL] = "email emailaddress mail",
	[USERNAME] = "username login preferredusername",
	[HASH] = "passwordhash hash hashedpassword password passworddigest",
	[FIRST] = "firstname givenname",
	[LAST] = "lastname familyname surname",
	[FULL] = "fullname name displayname",
	[ROLES] = "roles role",
	[VERIFIED] = "isverified verified emailverified",
	[ACTIVE] = "isactive active enabled",
	[CREATED] = "createdat created",
};

/* The people of one transaction. */
struct batch {
	struct ctl c; /* with an arena of its own */
	struct arg args[BATCH][ROW_ARGS];
	long line[BATCH];
	int n;
};

struct import {
	struct ctl *c;
	struct import_file file;
	struct batch batch;
	struct str roles;
	long size;
	long read, made, there, bad;
};

static void
bad_line(struct import *m, long line, const char *why)
{
	m->bad++;
	fprintf(stderr, "line %ld: %s\n", line, why);
}

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
cell(const struct import_record *r, enum column column)
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
read_time(struct str s, struct arg *out)
{
	long long seconds;
	int64_t us;

	*out = A_NULL;
	if (s.n == 0)
		return NULL;
	if (str_to_int(s, 0, INT64_C(253402300799), &seconds))
		us = seconds * CLOCK_SECOND;
	else if (!clock_parse_iso(s, &us))
		return "created_at is neither RFC 3339 nor Unix seconds";
	*out = A_INT(us);
	return NULL;
}

/* A field as a registration would take it, its name before the fault. */
static const char *
read_field(struct batch *b, const struct import_record *r, enum column column,
    enum field_type type, const char *name, struct arg *out)
{
	struct str value;
	const char *wrong = user_value(&b->c, type, name, cell(r, column),
	    &value);

	*out = A_STR(value);
	if (wrong)
		return arena_fmt(b->c.arena, "%s %s", name, wrong).p;
	return NULL;
}

static const char *
read_hash(struct str hash, struct arg *out)
{
	*out = hash.n ? A_STR(hash) : A_NULL;
	if (hash.n && !password_importable(hash))
		return "the password hash is of no known kind, not well "
		    "formed, or costs too much to check";
	return NULL;
}

/* Only roles that were looked at before: one query per word, not per line. */
static const char *
read_roles(struct import *m, const struct import_record *r, struct arg *out)
{
	static struct str known[CTL_TEXTS_MAX];
	static size_t n;
	struct str given = cell(r, ROLES);
	struct rows *rows;

	*out = A_STR(given.n ? given : m->roles);
	if (given.n == 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (str_eq(known[i], given))
			return NULL;
	for (struct str rest = given, one; str_split(&rest, ',', &one);)
		if (db_exec(m->c->db, m->batch.c.arena, Q_CTL_ROLES_KNOWN,
		    &rows, A_STR(one)) != E_OK || row_int(rows, 0, 0) != 1)
			return "there is no such role";
	if (n < CTL_TEXTS_MAX)
		known[n++] = arena_str(m->c->arena, given);
	return NULL;
}

static const char *
read_person(struct import *m, const struct import_record *r, struct arg *v)
{
	struct batch *b = &m->batch;
	const char *wrong = r->wrong;
	bool verified = false, active = false;

	v[0] = A_STR(uuid_text(b->c.arena, uuid_v7()));
	if (!wrong)
		wrong = read_field(b, r, EMAIL, FIELD_EMAIL, "email", &v[1]);
	if (!wrong)
		wrong = read_field(b, r, USERNAME, FIELD_USERNAME, "username",
		    &v[2]);
	if (!wrong && (v[1].text.n == 0 || v[2].text.n == 0))
		wrong = "email or username is missing";
	if (!wrong)
		wrong = read_hash(cell(r, HASH), &v[3]);
	if (!wrong)
		wrong = read_field(b, r, FIRST, FIELD_NAME, "first_name",
		    &v[4]);
	if (!wrong)
		wrong = read_field(b, r, LAST, FIELD_NAME, "last_name", &v[5]);
	if (!wrong)
		wrong = read_field(b, r, FULL, FIELD_NAME, "full_name", &v[6]);
	if (!wrong)
		wrong = read_roles(m, r, &v[7]);
	if (!wrong)
		wrong = read_bool(cell(r, VERIFIED), opt.verified, &verified);
	if (!wrong)
		wrong = read_bool(cell(r, ACTIVE), true, &active);
	if (!wrong)
		wrong = read_time(cell(r, CREATED), &v[10]);
	v[8] = A_BOOL(verified);
	v[9] = A_BOOL(active);
	return wrong;
}

static void
count(struct import *m, int i, const struct rows *r)
{
	if (!row_null(r, 0, 0))
		m->made++;
	else if (row_bool(r, 0, 1))
		m->there++;
	else
		bad_line(m, m->batch.line[i],
		    "the user name belongs to another address");
}

/* A batch that the database refused, person by person: who is it? */
static enum err
send_singly(struct import *m)
{
	struct batch *b = &m->batch;

	for (int i = 0; i < b->n; i++) {
		struct rows *r;
		enum err e = db_run(m->c->db, b->c.arena, Q_CTL_USER_IMPORT,
		    b->args[i], ROW_ARGS, &r);

		if (e == E_UNAVAILABLE)
			return e;
		if (e == E_OK)
			count(m, i, r);
		else
			bad_line(m, b->line[i], "the database refuses it");
	}
	return E_OK;
}

/* All of a batch or nothing of it (unless one is refused: see above). */
static enum err
send(struct import *m)
{
	struct batch *b = &m->batch;
	struct db_step steps[BATCH];
	struct rows *results[BATCH];
	enum err e = E_OK;

	for (int i = 0; i < b->n; i++)
		steps[i] = (struct db_step){ Q_CTL_USER_IMPORT, b->args[i],
			ROW_ARGS };
	if (b->n && !opt.dry)
		e = db_batch(m->c->db, b->c.arena, steps, b->n, results);
	if (e != E_OK && e != E_UNAVAILABLE)
		e = send_singly(m);
	else if (e == E_OK && !opt.dry)
		for (int i = 0; i < b->n; i++)
			count(m, i, results[i]);
	if (e != E_OK)
		return e;
	b->n = 0;
	arena_reset(b->c.arena);
	ctl_progress("importing", m->size ? ftell(m->file.in) : m->read,
	    m->size, false);
	return E_OK;
}

static enum err
read_all(struct import *m, bool json)
{
	struct batch *b = &m->batch;
	struct import_record r;
	enum err e = E_OK;

	while (e == E_OK && (json ? import_json : import_csv)(&m->file,
	    b->c.arena, &r)) {
		const char *wrong = read_person(m, &r, b->args[b->n]);

		m->read++;
		if (wrong)
			bad_line(m, m->file.line, wrong);
		else
			b->line[b->n++] = m->file.line;
		if (b->n == BATCH)
			e = send(m);
	}
	return e == E_OK ? send(m) : e;
}

static int
report(struct import *m, enum err e)
{
	cJSON *answer = json_object();

	ctl_progress("importing", m->size ? m->size : m->read, m->size, true);
	json_add_int(answer, "read", m->read);
	json_add_int(answer, "imported", m->made);
	json_add_int(answer, "already_there", m->there);
	json_add_int(answer, "bad", m->bad);
	if (e != E_OK)
		return ctl_fail(e, "stopped near line %ld; the same command "
		    "again goes on from there", m->file.line);
	ctl_print(m->c, answer);
	return m->bad ? CTL_FAILED : CTL_OK;
}

static bool
is_json(const char *path)
{
	struct str s = str_of(path);

	if (opt.format)
		return strcmp(opt.format, "jsonl") == 0;
	return str_ends(s, STR(".jsonl")) || str_ends(s, STR(".ndjson")) ||
	    str_ends(s, STR(".json"));
}

static int
open_file(struct import *m, const char *path, bool json)
{
	struct stat st;

	m->file.next = 1;
	m->file.in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (m->file.in == NULL)
		return ctl_fail(E_NOT_FOUND, "%s: %s", path, strerror(errno));
	if (fstat(fileno(m->file.in), &st) == 0 && S_ISREG(st.st_mode))
		m->size = (long)st.st_size;
	if (!json && !import_csv_begin(&m->file, m->c->arena))
		return ctl_fail(E_VALIDATION, "%s: the first line must name "
		    "the columns", path);
	return CTL_OK;
}

static int
run_import(struct ctl *c)
{
	static struct import m; /* too large for the stack */
	bool json = is_json(c->args[0]);
	int status;
	enum err e;

	m = (struct import){ .c = c };
	if (opt.format && strcmp(opt.format, "csv") != 0 && !json)
		return ctl_fail(E_VALIDATION, "--format is csv or jsonl");
	if (opt.roles.n == 0)
		opt.roles.text[opt.roles.n++] = c->config->default_role;
	status = user_roles(c, &opt.roles, &m.roles);
	if (status == CTL_OK && password_init(c->config) != E_OK)
		status = ctl_fail(E_INTERNAL, NULL);
	if (status == CTL_OK)
		status = open_file(&m, c->args[0], json);
	if (status != CTL_OK)
		return status;
	m.batch.c = *c;
	m.batch.c.arena = arena_new(ARENA_CAP);
	json_use(m.batch.c.arena);
	e = read_all(&m, json);
	json_use(c->arena);
	status = report(&m, e);
	arena_free(&m.batch.c.arena);
	if (m.file.in != stdin)
		fclose(m.file.in);
	return status;
}

const struct ctl_command ctl_imports[] = {
	{ "user import", "FILE", 1, 1, CTL_NEEDS_DB, options, run_import,
	    "Accounts from CSV or JSON lines, with their password hashes" },
	{ 0 },
};
