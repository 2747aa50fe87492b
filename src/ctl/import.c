#include "ctl/import.h"

#include <errno.h>
#include <sys/stat.h>

#include "crypto/password.h"
#include "ctl/user.h"

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
	{ "dry-run", CTL_FLAG, &opt.dry, "check every line, change nothing" },
	{ 0 },
};

/* The people of one transaction. */
struct batch {
	struct ctl c; /* with an arena of its own */
	struct arg args[BATCH][IMPORT_ARGS];
	long line[BATCH];
	int n;
};

struct import {
	struct ctl *c;
	struct import_file file;
	struct batch batch;
	struct import_defaults defaults;
	long size;
	long read, made, there, bad;
};

static void
bad_line(struct import *m, long line, const char *why)
{
	m->bad++;
	fprintf(stderr, "line %ld: %s\n", line, why);
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
		    b->args[i], IMPORT_ARGS, &r);

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
			IMPORT_ARGS };
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
		const char *wrong = import_person(&b->c, &r, &m->defaults,
		    b->args[b->n]);

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

	m = (struct import){ .c = c, .defaults = { .arena = c->arena,
	    .verified = opt.verified } };
	if (opt.format && strcmp(opt.format, "csv") != 0 && !json)
		return ctl_fail(E_VALIDATION, "--format is csv or jsonl");
	if (opt.roles.n == 0)
		opt.roles.text[opt.roles.n++] = c->config->default_role;
	status = user_roles(c, &opt.roles, &m.defaults.roles);
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
