#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/place.h"
#include "core/outgoing/backlog.h"
#include "ctl/ctl.h"
#include "ctl/doctor/doctor_reach.h"
#include "ctl/doctor/doctor_templates.h"
#include "runtime/sandbox.h"
#include "store/migrate.h"
#include "web/crew.h"

#define CLOCK_APART (2 * CLOCK_SECOND)

/* The findings, in the order of the checks. */
struct doctor {
	struct ctl *c;
	cJSON *rows;
	bool failed, unavailable;
};

static enum finding
note_finding(struct doctor *d, const char *check, enum finding f,
    const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static enum finding
note_finding(struct doctor *d, const char *check, enum finding f,
    const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warning", "FAULT" };
	cJSON *row = json_object();
	va_list ap;

	va_start(ap, fmt);
	json_add_str(row, "check", str_of(check));
	json_add_str(row, "state", str_of(words[f]));
	json_add_str(row, "detail", arena_vfmt(d->c->arena, fmt, ap));
	va_end(ap);
	json_push(d->rows, row);
	d->failed |= f == FAULT;
	return f;
}

/* False: the checks that follow make no sense. */
static bool
ask_settings(struct doctor *d)
{
	struct ctl *c = d->c;
	const char *why = NULL;

	for (size_t i = 0; i < c->nfaults && i < 64; i++)
		note_finding(d, "configuration", FAULT, "%s", c->faults[i]);
	if (c->config == NULL)
		return false;
	for (size_t i = 0; (why = config_warning(c->config, i)) != NULL; i++)
		note_finding(d, "configuration", WARNING, "%s", why);
	note_finding(d, "configuration", FINE, "%s", c->config->environment);
	c->keys = keyring_new(c->config, &why);
	if (c->keys == NULL)
		return note_finding(d, "keys", FAULT, "%s", why) == FINE;
	if (c->config->sealing_keys[0])
		note_finding(d, "keys", FINE, "version %d seals",
		    keyring_current(c->keys));
	else
		note_finding(d, "keys", WARNING,
		    "keys.sealing is empty: what is "
		    "sealed is lost with jwt.secret");
	return true;
}

/* Row RE1: an acknowledged write is on the disk. */
static void
ask_promises(struct doctor *d, const struct rows *r)
{
	const struct ctl_doctor_row row = ctl_doctor_row(r, 0);
	struct str sync = row.synchronous_commit;
	bool safe = str_eq(row.fsync, STR("on")) &&
	    !str_eq(sync, STR("off")) &&
	    str_eq(row.full_page_writes, STR("on"));

	note_finding(d, "durability", safe ? FINE :
	    strcmp(d->c->config->environment, "development") == 0 ? WARNING :
	    FAULT, "fsync %.*s, synchronous_commit %.*s, full_page_writes "
	    "%.*s", STR_FMT(row.fsync), STR_FMT(sync),
	    STR_FMT(row.full_page_writes));
	if (row.is_standby)
		note_finding(d, "database role", FAULT,
		    "the server is a standby");
	else if (row.is_superuser)
		note_finding(d, "database role", FAULT,
		    "%.*s is a superuser; give "
		    "the programs a role of their own (sql/roles.sql)",
		    STR_FMT(row.role));
	else if (row.is_owner)
		note_finding(d, "database role", WARNING,
		    "%.*s owns the tables; "
		    "database.owner_url lets another role migrate",
		    STR_FMT(row.role));
	else
		note_finding(d, "database role", FINE, "%.*s",
		    STR_FMT(row.role));
}

static void
ask_connections(struct doctor *d, int64_t most)
{
	struct crew k = crew_of(d->c->config, crew_cores());
	/*
	 * A reload doubles the processes for a moment, and the worker needs
	 * connections too.
	 */
	long need = 2 * (k.light + k.heavy) + 4;

	note_finding(d, "connections", need > most ? WARNING : FINE,
	    "up to %ld of this host, the server takes %lld", need,
	    (long long)most);
}

static void
ask_clock(struct doctor *d, int64_t theirs, int64_t before)
{
	int64_t ours = before + (clock_wall() - before) / 2;

	note_finding(d, "clock", llabs(theirs - ours) > CLOCK_APART ? FAULT :
	    FINE,
	    "%lld ms from the database's",
	    (long long)((ours - theirs) / CLOCK_MS));
}

static void
ask_queue(struct doctor *d)
{
	struct ctl *c = d->c;
	struct backlog b;
	int64_t oldest;

	if (backlog_look(c->db, c->arena, c->config, &b) != E_OK)
		return;
	oldest = b.jobs.oldest > b.webhooks.oldest ? b.jobs.oldest :
	    b.webhooks.oldest;
	note_finding(d, "queue", b.alarm || b.jobs.dead ? WARNING : FINE,
	    "%lld jobs and %lld webhooks due, the oldest for %lld s; %lld "
	    "dead letters", (long long)b.jobs.due, (long long)b.webhooks.due,
	    (long long)(oldest / CLOCK_SECOND), (long long)b.jobs.dead);
}

static void
ask_signing(struct doctor *d)
{
	struct ctl *c = d->c;
	struct rows *r;
	bool signs = false;

	if (strcmp(c->config->jwt_algorithm, "EdDSA") != 0 ||
	    db_run(c->db, c->arena, SQL(ctl_signing_key_list), &r) != E_OK)
		return;
	for (size_t i = 0; i < r->n; i++)
		signs |= ctl_signing_key_list_row(r, i).signs;
	if (signs)
		note_finding(d, "signing key", FINE, "%zu in the table", r->n);
	else
		note_finding(d, "signing key", FAULT,
		    "none signs: posternctl key "
		    "generate");
}

/* A role's name is only a word to check-config. */
static void
ask_roles(struct doctor *d)
{
	const struct config *k = d->c->config;
	const struct {
		const char *key, *list, *what;
	} named[] = {
		{ "account.default_role", k->default_role,
		    "new accounts have none" },
		{ "two_factor.required_roles", k->factor_roles,
		    "it protects nobody" },
	};
	struct str role;
	struct rows *r;

	for (size_t i = 0; i < 2; i++)
		for (const char *rest = named[i].list;
		    config_list_next(&rest, &role);)
			if (db_run(d->c->db, d->c->arena, SQL(ctl_roles_known,
			    .roles = role), &r) == E_OK &&
			    ctl_roles_known_row(r, 0).known == 0)
				note_finding(d, "roles", FAULT, "%s names "
				    "%.*s, which is no active role: %s",
				    named[i].key, STR_FMT(role),
				    named[i].what);
}

static void
ask_database(struct doctor *d)
{
	struct ctl_doctor_row row;
	struct ctl *c = d->c;
	const char *why = NULL;
	int64_t before, trip = db_ping(c->db, c->arena);
	enum db_trouble trouble;
	struct rows *r;
	enum err e;

	if (trip < 0) {
		note_finding(d, "database", FAULT, "does not answer: %s",
		    db_why(c->db));
		d->unavailable = true;
		return;
	}
	e = migrate_check(c->db, c->arena, &why);
	note_finding(d, "schema", e == E_OK ? FINE : FAULT, "%s",
	    e == E_OK && !*why ? "fits this version" : why);
	if (e != E_OK)
		return;
	trouble = db_ready(c->db, c->arena);
	if (trouble != DB_WELL)
		note_finding(d, "database", FAULT, "%s",
		    db_trouble_text(trouble));
	before = clock_wall();
	if (db_run(c->db, c->arena, SQL(ctl_doctor), &r) != E_OK) {
		note_finding(d, "database", FAULT, "cannot be asked");
		return;
	}
	row = ctl_doctor_row(r, 0);
	ask_clock(d, row.time, before);
	if (trouble == DB_WELL)
		note_finding(d, "database", FINE,
		    "Postgres %.*s, %lld µs a round "
		    "trip", STR_FMT(row.server_version), (long long)trip);
	ask_promises(d, r);
	ask_connections(d, row.max_connections);
	ask_queue(d);
	ask_signing(d);
	ask_roles(d);
}

static void
ask_redis(struct doctor *d)
{
	const char *why = NULL;
	int64_t trip;

	if (!cache_configured(d->c->cache)) {
		note_finding(d, "redis", FINE,
		    "not configured; Postgres carries all");
		return;
	}
	trip = cache_probe(d->c->cache, d->c->arena, &why);
	if (trip < 0)
		note_finding(d, "redis", FAULT, "%s is of no use: %s; Postgres "
		    "carries what must not be lost",
		    d->c->config->redis_host, why);
	else
		note_finding(d, "redis", FINE, "%lld µs a round trip",
		    (long long)trip);
}

static void
ask_runtime_dir(struct doctor *d, const char *dir)
{
	const char *why = doctor_probe_dir(d->c->arena, dir);

	if (why && access(dir, F_OK) != 0 && errno == ENOENT)
		note_finding(d, "runtime directory", WARNING,
		    "%s is not there yet: "
		    "systemd makes it at the start; without systemd make it "
		    "for the service's user", dir);
	else if (why)
		note_finding(d, "runtime directory", FAULT,
		    "%s: %s; give it to the "
		    "service's user", dir, why);
	else
		note_finding(d, "runtime directory", FINE, "%s", dir);
}

static void
ask_grpc(struct doctor *d)
{
	const struct config *k = d->c->config;
	const char *why;

	if (!k->grpc_enabled)
		return;
	why = doctor_probe_port(d->c->arena, k->grpc_listen, k->grpc_port);
	if (why)
		note_finding(d, "grpc", WARNING, "nothing answers at %s, port "
		    "%ld (%s): start postern-grpc", k->grpc_listen,
		    k->grpc_port, why);
	else
		note_finding(d, "grpc", FINE, "port %ld answers%s",
		    k->grpc_port, k->grpc_cert[0] ? "" : ", without TLS");
}

static void
ask_host(struct doctor *d)
{
	const struct config *k = d->c->config;
	const char *why = doctor_probe_worker(d->c->arena, k->runtime_dir);
	struct str detail;
	enum finding f;

	ask_runtime_dir(d, k->runtime_dir);
	if (why)
		note_finding(d, "worker", WARNING,
		    "no postern-worker on this host "
		    "(%s), and mail waits: start it, or have cron run "
		    "postern-worker --once every minute", why);
	else
		note_finding(d, "worker", FINE, "listens");
	ask_grpc(d);
	f = doctor_probe_log(d->c->arena, k->log_file, &detail);
	note_finding(d, "log", f, "%.*s", STR_FMT(detail));
	f = doctor_templates(d->c->arena, k, &detail);
	note_finding(d, "templates", f, "%.*s", STR_FMT(detail));
}

static void
ask_sandbox(struct doctor *d)
{
	if (!sandbox_built())
		note_finding(d, "seccomp", WARNING,
		    "this program was built without "
		    "libseccomp: system calls are not filtered");
	else if (!d->c->config->seccomp)
		note_finding(d, "seccomp", WARNING,
		    "service.seccomp is off: system "
		    "calls are not filtered");
	else
		note_finding(d, "seccomp", FINE, "system calls are filtered");
}

static void
ask_smtp(struct doctor *d)
{
	const struct config *k = d->c->config;
	struct str detail = STR_NONE;
	enum finding f;

	if (k->smtp_host[0] == '\0') {
		note_finding(d, "mail", WARNING,
		    "smtp.host is empty: mail stays in "
		    "the queue");
		return;
	}
	f = doctor_reach_relay(d->c->arena, k, &detail);
	note_finding(d, "mail", f, "%.*s", STR_FMT(detail));
}

static void
ask_web(struct doctor *d)
{
	const struct config *k = d->c->config;
	struct str detail = STR_NONE;
	enum finding f;

	if (k->public_url[0] == '\0') {
		note_finding(d, "web", WARNING,
		    "service.public_url is empty: mails "
		    "cannot carry links, and nobody can look whether the web "
		    "server passes requests on");
		return;
	}
	f = doctor_reach_web(d->c->arena, k, &detail);
	note_finding(d, "web", f, "%.*s", STR_FMT(detail));
}

static int
run_doctor(struct ctl *c)
{
	struct doctor d = { .c = c, .rows = json_array() };

	if (ask_settings(&d)) {
		ctl_open(c);
		ask_database(&d);
		ask_redis(&d);
		ask_host(&d);
		ask_sandbox(&d);
		ask_smtp(&d);
		ask_web(&d);
	}
	ctl_print(c, d.rows);
	return d.unavailable ? CTL_UNAVAILABLE :
	    d.failed ? CTL_FAILED : CTL_OK;
}

const struct ctl_command ctl_doctor[] = {
	{ "doctor", "", 0, 0, CTL_NEEDS_NOTHING, NULL, run_doctor,
	    "Ask everything Postern needs how it is" },
	{ 0 },
};
