#include "store/migrate.h"

#include <sodium.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "store/schema.h"

#define MIGRATION_TIME (900 * CLOCK_SECOND)
#define ROLES_MAX (64u << 10)

static struct str
digest(struct arena *a, const struct migration *m)
{
	unsigned char h[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(h, (const unsigned char *)m->sql, m->n);
	return hex_encode(a, (struct str){ (const char *)h, sizeof h });
}

/* The rows of schema_migrations: version, name, sha256, applied_at. */
static enum err
remembered(struct db *d, struct arena *a, struct rows **out)
{
	enum err e = db_run(d, a, SQL(migration_known), out);

	if (e != E_OK)
		return e;
	if (migration_known_row(*out, 0).known)
		return db_run(d, a, SQL(migration_list), out);
	*out = ARENA_NEW(a, struct rows);
	return E_OK;
}

/* Merge the program's list and the database's by version. */
static size_t
merge(struct arena *a, const struct rows *r, struct migration_state *s)
{
	size_t n = 0, row = 0;

	for (int i = 0; i < schema_count || row < r->n; n++) {
		struct migration_list_row found = { 0 };
		const struct migration *m = i < schema_count ?
		    &schema_table[i] : NULL;
		bool in_db = row < r->n;

		if (in_db)
			found = migration_list_row(r, row);
		in_db = in_db && (m == NULL || found.version <= m->version);
		s[n].version = in_db ? (int)found.version : m->version;
		s[n].known = m && s[n].version == m->version;
		s[n].file = in_db ? found.name : str_of(m->file);
		if (in_db)
			s[n].applied_at = found.applied_at;
		if (in_db && s[n].known)
			s[n].changed = !str_eq(found.sha256, digest(a, m));
		row += in_db;
		i += s[n].known;
	}
	return n;
}

enum err
migrate_status(struct db *d, struct arena *a, struct migration_state **out,
    size_t *n)
{
	struct rows *r;
	enum err e = remembered(d, a, &r);

	if (e != E_OK)
		return e;
	*out = arena_array(a, r->n + (size_t)schema_count, sizeof **out);
	*n = merge(a, r, *out);
	return E_OK;
}

static const struct migration *
by_version(int version)
{
	for (int i = 0; i < schema_count; i++)
		if (schema_table[i].version == version)
			return &schema_table[i];
	return NULL;
}

/* The server told its encoding when the connection opened. */
static enum err
check_encoding(struct db *d, struct arena *a, const char **why)
{
	const char *encoding = db_conn_server(d, "server_encoding");

	if (strcmp(encoding, "UTF8") == 0)
		return E_OK;
	*why = arena_fmt(a, "the database keeps text as %s: make another one "
	    "with encoding UTF8, as in create database ... encoding 'UTF8' "
	    "template template0", encoding).p;
	return E_CONFLICT;
}

/* Why the database does not take a statement. */
static const char *
unserved(const struct db *d)
{
	enum db_trouble t = db_trouble(d);

	return t == DB_WELL || t == DB_GONE ?
	    "the database is not reachable" : db_trouble_text(t);
}

/* How many migrations are newer than this program, and the last of them. */
struct newer {
	int n;
	const struct migration_state *last;
};

/*
 * A newer schema is for newer programs; it says how old a program it still
 * fits.
 */
static enum err
judge_newer(struct db *d, struct arena *a, const struct newer *newer,
    const char **why)
{
	int ours = schema_table[schema_count - 1].version;
	struct rows *r;
	enum err e;

	if (newer->n == 0)
		return E_OK;
	e = db_run(d, a, SQL(migration_oldest), &r);
	if (e != E_OK) {
		*why = unserved(d);
		return e;
	}
	if (migration_oldest_row(r, 0).version <= ours) {
		*why = arena_fmt(a, "newer than this program (%.*s), which is "
		    "fine: it runs on it", STR_FMT(newer->last->file)).p;
		return E_OK;
	}
	*why = arena_fmt(a, "the database has migration %04d (%.*s), which "
	    "this program does not know: it needs a newer program",
	    newer->last->version, STR_FMT(newer->last->file)).p;
	return E_CONFLICT;
}

/*
 * Check that the applied migrations fit this program; *pending is the first not
 * applied, or NULL. With E_OK *why is a remark, or "".
 */
static enum err
verify_applied(struct db *d, struct arena *a, const struct migration **pending,
    const char **why)
{
	struct migration_state *s;
	struct newer newer = { 0 };
	size_t n;
	enum err e = migrate_status(d, a, &s, &n);

	*pending = NULL;
	*why = e == E_OK ? "" : unserved(d);
	if (e == E_OK)
		e = check_encoding(d, a, why);
	for (size_t i = 0; e == E_OK && i < n; i++) {
		if (!s[i].known) {
			newer.n++;
			newer.last = &s[i];
		} else if (s[i].changed) {
			*why = arena_fmt(a, "%s was changed after it had been "
			    "applied: a migration never changes, write another",
			    by_version(s[i].version)->file).p;
			e = E_CONFLICT;
		} else if (s[i].applied_at == 0 && *pending == NULL) {
			*pending = by_version(s[i].version);
		}
	}
	return e == E_OK ? judge_newer(d, a, &newer, why) : e;
}

enum err
migrate_check(struct db *d, struct arena *a, const char **why)
{
	const struct migration *pending;
	enum err e = verify_applied(d, a, &pending, why);

	if (e != E_OK || pending == NULL)
		return e;
	*why = arena_fmt(a, "%s is not applied yet: run posternctl migrate",
	    pending->file).p;
	return E_CONFLICT;
}

static enum err
apply(struct db *d, struct arena *a, const struct migration *m,
    const char **why)
{
	const char *said;
	enum err e = db_script(d, a, m->file, m->sql, &said);

	if (e == E_OK)
		e = db_run(d, a, SQL(migration_add, .version = m->version,
		    .name = str_of(m->file), .sha256 = digest(a, m)), NULL);
	else
		*why = arena_fmt(a, "%s: %s", m->file, said).p;
	return e == E_OK || e == E_UNAVAILABLE ? e : E_INTERNAL;
}

/* Letters that need no escape inside a quoted name or a literal. */
static bool
plain_role(struct str role)
{
	return role.n > 0 && role.n < DB_NAME && text_only(role, "_-.");
}

/* sql/roles.sql with the role in the place of ":app_role". */
static const char *
roles_for(struct arena *a, struct str role)
{
	const struct str mark = STR(":app_role");
	struct buf b = buf_new(a, ROLES_MAX);
	struct str rest = str_of(schema_roles);

	while (rest.n) {
		if (!str_starts(rest, mark)) {
			buf_byte(&b, rest.p[0]);
			rest = str_slice(rest, 1, rest.n);
			continue;
		}
		buf_fmt(&b, "\"%.*s\"", STR_FMT(role));
		rest = str_slice(rest, mark.n, rest.n);
	}
	return buf_str(&b).p;
}

/*
 * Give the rights, under the lock; nothing to do where there is one role only.
 * With later, when more migrations follow, a role that never had rights waits
 * for the last one.
 */
static enum err
grant(struct db *d, struct arena *a, struct str role, bool later,
    const char **why)
{
	const char *said;
	struct rows *r;
	enum err e;

	if (role.n == 0)
		return E_OK;
	if (!plain_role(role)) {
		*why = "the role's name has characters that are not allowed";
		return E_NOT_FOUND;
	}
	e = db_run(d, a, SQL(role_known, .role = role), &r);
	if (e == E_OK && r->n == 0) {
		*why = arena_fmt(a, "the role %.*s does not exist: create role "
		    "\"%.*s\" login", STR_FMT(role), STR_FMT(role)).p;
		return E_NOT_FOUND;
	}
	if (e != E_OK || role_known_row(r, 0).is_us)
		return e; /* the owner itself */
	if (later && !role_known_row(r, 0).may_read)
		return E_OK;
	e = db_script(d, a, "roles.sql", roles_for(a, role), &said);
	*why = arena_fmt(a, "roles.sql: %s", said).p;
	return e;
}

/* What the steps of one run share. */
struct run {
	struct str role; /* STR_NONE: the owner alone */
	bool done;
};

/*
 * Under the lock: verify, then apply the first pending migration, or, when
 * there is none, only give the rights: run->done. Each migration gives the
 * rights too, because programs are at work meanwhile and a new function may
 * write a new table. The last step reports a role that does not exist.
 */
static enum err
step(struct db *d, struct arena *a, struct run *run, const char **why)
{
	const struct migration *pending = NULL;
	enum err e = db_run(d, a, SQL(migration_lock), NULL);

	if (e == E_OK)
		e = db_run(d, a, SQL(migration_table), NULL);
	*why = unserved(d);
	if (e == E_INTERNAL)
		*why = "the role cannot create tables: connect as the owner "
		    "of the database";
	if (e == E_OK)
		e = verify_applied(d, a, &pending, why);
	run->done = pending == NULL;
	if (e == E_OK && pending)
		e = apply(d, a, pending, why);
	if (e != E_OK)
		return e;
	e = grant(d, a, run->role, pending, why);
	return e == E_NOT_FOUND && pending ? E_OK : e;
}

/* One step as one transaction. */
static enum err
transaction(struct db *d, struct arena *a, struct run *run, const char **why)
{
	enum err e = db_run(d, a, SQL(transaction_begin), NULL);

	*why = unserved(d);
	if (e != E_OK)
		return e;
	db_pin(d, true);
	e = step(d, a, run, why);
	if (e == E_OK) {
		*why = "the commit failed";
		e = db_run(d, a, SQL(transaction_commit), NULL);
	} else {
		db_run(d, a, SQL(transaction_rollback), NULL);
	}
	db_pin(d, false);
	return e;
}

enum err
migrate_run(struct arena *a, const char *conninfo_owner, const char *app_role,
    int *applied, const char **why)
{
	const struct db_options o = { conninfo_owner, 5 * CLOCK_SECOND,
		MIGRATION_TIME, 0, false, false };
	struct db *d = db_new(&o);
	struct run run = { app_role ? arena_str(a, str_of(app_role)) :
		STR_NONE, false };
	enum err e;
	int n = -1;

	do {
		e = transaction(d, a, &run, why);
		n++;
	} while (e == E_OK && !run.done);
	if (applied)
		*applied = n;
	if (e == E_OK)
		*why = "";
	if (e != E_OK)
		log_error("migration stopped", log_c("why", *why));
	else if (n > 0)
		log_info("schema migrated", log_i("migrations", n));
	db_close(&d);
	return e;
}
