#include "ctl/import/import.h"

#include <errno.h>
#include <sys/stat.h>

#include "crypto/password/password.h"
#include "ctl/import/import_seen.h"
#include "ctl/user/user.h"

#define BATCH 200	/* one transaction, one round trip */
#define ARENA_CAP ((size_t)64 << 20)

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
	{ "dry-run", CTL_FLAG, &opt.dry,
	    "do all of it, and undo each batch at once" },
	{ 0 },
};

/* The people of one transaction. */
struct batch {
	struct ctl c; /* with an arena of its own */
	struct ctl_user_import_params people[BATCH];
	const char *bare[BATCH]; /* why there is no password */
	long line[BATCH];
	int n;
};

struct import {
	struct ctl *c;
	struct import_file file;
	struct batch batch;
	struct import_defaults defaults;
	long size;
	struct import_seen emails, names; /* of a trial */
	long read, made, bare, there, bad;
};

static void
bad_line(struct import *m, long line, const char *why)
{
	m->bad++;
	fprintf(stderr, "line %ld: %s\n", line, why);
}

static void
count_made(struct import *m, int i)
{
	const struct batch *b = &m->batch;

	m->made++;
	if (opt.dry) {
		import_seen_add(&m->emails, b->people[i].email);
		import_seen_add(&m->names, arena_lower(b->c.arena,
		    b->people[i].username));
	}
	if (b->people[i].password_hash.p == NULL)
		m->bare++;
	if (b->bare[i])
		fprintf(stderr, "line %ld: imported without a password: %s\n",
		    b->line[i], b->bare[i]);
}

static void
count_rows(struct import *m, int i, const struct rows *r)
{
	const struct ctl_user_imported_row row =
	    ctl_user_imported_row(r, 0);

	if (row.id.p)
		count_made(m, i);
	else if (row.is_known)
		m->there++;
	else
		bad_line(m, m->batch.line[i],
		    "the user name belongs to another address");
}

/*
 * In a trial the earlier lines are not there, and one that repeats what they
 * made is not made either; the letters of names are folded as fold_case does.
 */
static struct statement
step(struct import *m, const struct ctl_user_import_params *v)
{
	struct arena *a = m->batch.c.arena;
	bool email = import_seen_has(&m->emails, v->email);
	struct ctl_user_import_again_params *again;

	if (!email && !import_seen_has(&m->names,
	    arena_lower(a, v->username)))
		return SQL_OF(ctl_user_import, v);
	again = ARENA_NEW(a, struct ctl_user_import_again_params);
	*again = PARAMS(ctl_user_import_again, .same_email = email,
	    .email = v->email);
	return SQL_OF(ctl_user_import_again, again);
}

/*
 * A trial takes each batch back at once: whoever registers meanwhile waits for
 * a batch, as in the run itself, and not for the end of the file.
 */
static enum err
try_steps(struct import *m, const struct statement *steps, int n,
    struct rows **results)
{
	struct db *d = m->c->db;
	enum err e = db_run(d, m->batch.c.arena, SQL(transaction_begin),
	    NULL);

	if (e != E_OK)
		return e;
	db_pin(d, true);
	e = db_batch(d, m->batch.c.arena, steps, n, results);
	(void)db_run(d, m->batch.c.arena, SQL(transaction_rollback), NULL);
	db_pin(d, false);
	return e;
}

/* n people from i on: all or none of them. */
static enum err
send_some(struct import *m, int i, int n, struct rows **results)
{
	struct batch *b = &m->batch;
	struct statement steps[BATCH];

	for (int k = 0; k < n; k++)
		steps[k] = step(m, &b->people[i + k]);
	return opt.dry ? try_steps(m, steps, n, results) :
	    db_batch(m->c->db, b->c.arena, steps, n, results);
}

/* Repeat a refused batch person by person, to find whom it refuses. */
static enum err
send_singly(struct import *m)
{
	struct batch *b = &m->batch;

	for (int i = 0; i < b->n; i++) {
		struct rows *r;
		enum err e = send_some(m, i, 1, &r);

		if (e == E_UNAVAILABLE)
			return e;
		if (e == E_OK)
			count_rows(m, i, r);
		else
			bad_line(m, b->line[i], "the database refuses it");
	}
	return E_OK;
}

/*
 * Import all of a batch, or nothing of it (unless one is refused: see above).
 */
static enum err
send_batch(struct import *m)
{
	struct batch *b = &m->batch;
	struct rows *results[BATCH];
	enum err e = b->n ? send_some(m, 0, b->n, results) : E_OK;

	if (e != E_OK && e != E_UNAVAILABLE)
		e = send_singly(m);
	else if (e == E_OK)
		for (int i = 0; i < b->n; i++)
			count_rows(m, i, results[i]);
	if (e != E_OK)
		return e;
	b->n = 0;
	arena_reset(b->c.arena);
	ctl_progress("importing", m->size ? ftell(m->file.in) : m->read,
	    m->size, false);
	return E_OK;
}

static enum err
read_records(struct import *m, bool json)
{
	struct batch *b = &m->batch;
	struct import_record r;
	enum err e = E_OK;

	while (e == E_OK && (json ? import_json : import_csv)(&m->file,
	    b->c.arena, &r)) {
		const char *wrong = import_person(&b->c, &r, &m->defaults,
		    &b->people[b->n], &b->bare[b->n]);

		m->read++;
		if (wrong)
			bad_line(m, m->file.line, wrong);
		else
			b->line[b->n++] = m->file.line;
		if (b->n == BATCH)
			e = send_batch(m);
	}
	return e == E_OK ? send_batch(m) : e;
}

static void
say_bare(long n)
{
	if (n > 0)
		fprintf(stderr, "%ld of them %s no password: who asks for a "
		    "reset mail (\"Forgot password?\", POST "
		    "/api/v1/auth/password-reset/request) sets one\n", n,
		    n == 1 ? "has" : "have");
}

static int
report_refusal(struct import *m, enum err e)
{
	cJSON *answer = json_object();

	ctl_progress("importing", m->size ? m->size : m->read, m->size, true);
	json_add_int(answer, "read", m->read);
	json_add_int(answer, "imported", m->made);
	json_add_int(answer, "without_password", m->bare);
	json_add_int(answer, "already_there", m->there);
	json_add_int(answer, "bad", m->bad);
	if (e != E_OK) {
		(void)ctl_fail_db(m->c, e);
		return ctl_fail(e, "stopped near line %ld; the same command "
		    "again goes on from there", m->file.line);
	}
	ctl_print(m->c, answer);
	say_bare(m->bare);
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
open_import(struct import *m, const char *path, bool json)
{
	const char *wrong;
	struct stat st;

	m->file.next = 1;
	m->file.in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (m->file.in == NULL)
		return ctl_fail(E_NOT_FOUND, "%s: %s", path, strerror(errno));
	if (fstat(fileno(m->file.in), &st) == 0 && S_ISREG(st.st_mode))
		m->size = (long)st.st_size;
	if ((wrong = import_begin(&m->file)) != NULL)
		return ctl_fail(E_VALIDATION, "%s: %s", path, wrong);
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
	int status = ctl_word("format", opt.format, "csv, jsonl");
	enum err e;

	if (status != CTL_OK)
		return status;
	m = (struct import){ .c = c, .defaults = { .arena = c->arena,
	    .verified = opt.verified } };
	if (opt.roles.n == 0)
		opt.roles.text[opt.roles.n++] = c->config->default_role;
	status = user_roles(c, &opt.roles, &m.defaults.roles);
	if (status == CTL_OK && password_init(c->config) != E_OK)
		status = ctl_fail(E_INTERNAL, NULL);
	if (status == CTL_OK)
		status = open_import(&m, c->args[0], json);
	if (status != CTL_OK)
		return status;
	m.batch.c = *c;
	m.batch.c.arena = arena_new(ARENA_CAP);
	json_use(m.batch.c.arena);
	e = read_records(&m, json);
	json_use(c->arena);
	status = report_refusal(&m, e);
	arena_free(&m.batch.c.arena);
	import_seen_free(&m.emails);
	import_seen_free(&m.names);
	if (m.file.in != stdin)
		fclose(m.file.in);
	return status;
}

const struct ctl_command ctl_imports[] = {
	{ "user import", "FILE", 1, 1, CTL_NEEDS_DB, options, run_import,
	    "Accounts from CSV or JSON lines, with their password hashes" },
	{ 0 },
};
