#include "store/pg/db_private.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pid.h"
#include "runtime/wait.h"

#define PAUSE_MIN (100 * CLOCK_MS)
#define PAUSE_MAX CLOCK_SECOND

/*
 * A server announces that it ends an idle connection; libpq reports that as a
 * notice. We ignore all other notices.
 */
static void
on_notice(void *arg, const PGresult *r)
{
	struct db *d = arg;
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (state && (strncmp(state, "57P", 3) == 0 ||
	    strncmp(state, "08", 2) == 0))
		d->dying = true;
}

static void
back_off(struct db *d)
{
	if (d->pause == 0)
		log_error("database is not reachable", log_c("why", d->why));
	d->pause = backoff_longer(d->pause, PAUSE_MIN, PAUSE_MAX);
	d->retry_at = clock_mono() + backoff_within(d->pause / 2, d->pause);
}

/*
 * Our own parameters come first, so that the conninfo overrides them; one of
 * its hosts replaces its whole list. libpq ignores a NULL or "".
 */
static PGconn *
begin_connect(const struct db *d, const struct db_target *t)
{
	const char *own = d->targets.application;
	char name[DB_NAME] = "";
	const char *keys[] = { "client_encoding", "tcp_user_timeout",
		"keepalives_idle", "keepalives_interval", "keepalives_count",
		"fallback_application_name", "dbname", "host", "hostaddr",
		"port", "application_name", NULL };
	const char *values[] = { "UTF8", "5000", "30", "5", "3", "postern",
		d->conninfo, t->host, t->address, t->port, name, NULL };

	/* The schema's function audit_off reads this setting. */
	if (d->o.unaudited)
		snprintf(name, sizeof name, "unaudited %s",
		    *own ? own : "postern");
	return PQconnectStartParams(keys, values, 1);
}

static bool
finish_connect(PGconn *conn, int64_t deadline, bool *late)
{
	PostgresPollingStatusType s = PGRES_POLLING_WRITING;

	*late = false;
	if (!conn || PQstatus(conn) == CONNECTION_BAD)
		return false;
	while (s != PGRES_POLLING_OK && s != PGRES_POLLING_FAILED) {
		short events = s == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (!wait_fd(PQsocket(conn), events, deadline)) {
			*late = true;
			return false;
		}
		s = PQconnectPoll(conn);
	}
	return s == PGRES_POLLING_OK && PQsetnonblocking(conn, 1) == 0;
}

/*
 * Another host may be the primary. A pooler that does not tell leaves it
 * unknown.
 */
static bool
takes_no_writes(const PGconn *conn)
{
	static const char *const says[] = { "in_hot_standby",
		"default_transaction_read_only" };
	bool no = false;

	for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
		const char *value = PQparameterStatus(conn, says[i]);

		no |= value && strcmp(value, "on") == 0;
	}
	return no;
}

/* Add the first line of a host's error to d->why. */
static void
note_fault(struct db *d, const struct db_target *t, const char *words)
{
	struct str line = str_of(words);
	size_t n = strlen(d->why);
	const char *host = t->address && *t->address ? t->address : t->host;
	bool named = host && *host;

	line = str_slice(line, 0, str_find(line, '\n'));
	snprintf(d->why + n, sizeof d->why - n, "%s%s%s%.*s", n ? "; " : "",
	    named ? host : "", named ? ": " : "", STR_FMT(line));
}

/*
 * NULL: d->why has the reason. *silent: ask this host after all others. A host
 * that takes no writes serves only where there is no other.
 */
static PGconn *
try_target(struct db *d, const struct db_target *t, bool alone, bool *silent)
{
	PGconn *conn = begin_connect(d, t);
	bool late, up = finish_connect(conn,
	    clock_mono() + d->o.connect_timeout, &late);

	*silent = !up;
	if (up && (alone || !takes_no_writes(conn)))
		return conn;
	if (up)
		d->absent = DB_STANDBY;
	note_fault(d, t, up ? "takes no writes" : late ? "no answer in time" :
	    conn ? PQerrorMessage(conn) : "no memory");
	PQfinish(conn);
	return NULL;
}

/* All addresses of a host; each gets the time of a whole host. */
static PGconn *
try_host(struct db *d, struct db_target *t, bool *silent)
{
	char at[DB_ADDRESSES][DB_ADDRESS];
	struct db_target one = *t;
	int n = db_target_addresses(t, at);
	bool alone = d->targets.n == 1 && n <= 1, mute;
	PGconn *conn;

	*silent = true;
	if (n < 0)
		note_fault(d, t, gai_strerror(n));
	if (n == 0)
		return try_target(d, t, alone, silent);
	for (int i = 0; i < n; i++) {
		one.address = at[i];
		conn = try_target(d, &one, alone, &mute);
		*silent &= mute;
		if (conn) {
			memcpy(t->last, at[i], sizeof t->last);
			t->doubted = false;
			return conn;
		}
	}
	return NULL;
}

/* The first host that serves moves to the front, silent ones to the end. */
static PGconn *
connect_any(struct db *d)
{
	struct db_targets *t = &d->targets;
	int place = 0;
	bool silent;

	d->why[0] = '\0';
	d->absent = DB_GONE;
	for (int tried = 0; tried < t->n; tried++) {
		PGconn *conn = try_host(d, &t->at[place], &silent);

		if (conn) {
			db_target_move(t, place, 0);
			return conn;
		}
		if (silent)
			db_target_move(t, place, t->n - 1);
		else
			place++;
	}
	return NULL;
}

static enum err
open_link(struct db *d)
{
	PGconn *conn = NULL;

	if (clock_mono() >= d->retry_at && (conn = connect_any(d)) == NULL)
		back_off(d);
	if (conn == NULL) {
		d->trouble = d->absent;
		return E_UNAVAILABLE;
	}
	if (d->pause != 0)
		log_info("database is back");
	PQsetNoticeReceiver(conn, on_notice, d);
	d->conn = conn;
	d->pid = pid_self();
	d->pause = d->retry_at = 0;
	d->dying = false;
	d->expires = d->o.max_lifetime <= 0 ? INT64_MAX :
	    clock_mono() + backoff_within(d->o.max_lifetime / 10 * 9,
	    d->o.max_lifetime);
	memset(d->prepared, 0, sizeof d->prepared);
	return E_OK;
}

void
db_conn_drop(struct db *d)
{
	if (!d->conn)
		return;
	/* The parent's connection: PQfinish would end its session. */
	if (d->pid != pid_self())
		close(PQsocket(d->conn));
	else
		PQfinish(d->conn);
	d->conn = NULL;
}

/*
 * Has the server closed the idle connection? Nothing was asked, so whatever can
 * be read now is its announced end, a notice, or the end of file.
 */
static bool
went_away(struct db *d)
{
	struct pollfd p = { .fd = PQsocket(d->conn), .events = POLLIN };

	for (int i = 0; i < 4 && poll(&p, 1, 0) > 0; i++) {
		if (!PQconsumeInput(d->conn))
			return true;
		(void)PQisBusy(d->conn); /* has notices delivered */
	}
	return d->dying || PQstatus(d->conn) != CONNECTION_OK;
}

enum err
db_conn_ready(struct db *d)
{
	if (d->conn && d->pid == pid_self() && !went_away(d) &&
	    (d->pinned || clock_mono() < d->expires))
		return E_OK;
	db_conn_drop(d);
	if (d->pinned)
		return E_UNAVAILABLE;
	return open_link(d);
}

/*
 * PQcancel connects and waits without a deadline, so a grandchild calls it:
 * PQcancel is async-signal-safe, an alarm ends the process, nobody waits for
 * it.
 */
static void
cancel(PGcancel *c)
{
	char why[128];
	pid_t pid = fork();

	if (pid == 0) {
		if (fork() == 0) {
			close_range(3, ~0U, 0);
			signal(SIGALRM, SIG_DFL);
			alarm(1);
			PQcancel(c, why, sizeof why);
		}
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

void
db_conn_abandon(struct db *d)
{
	PGcancel *c = d->conn ? PQgetCancel(d->conn) : NULL;

	if (c) {
		cancel(c);
		PQfreeCancel(c);
	}
	db_conn_drop(d);
}

void
db_conn_late(struct db *d)
{
	struct db_targets *t = &d->targets;

	db_conn_abandon(d);
	t->at[0].doubted = true;
	db_target_move(t, 0, t->n - 1);
}

const char *
db_conn_server(const struct db *d, const char *parameter)
{
	const char *value = d->conn ? PQparameterStatus(d->conn, parameter) :
	    NULL;

	return value ? value : "";
}

PGresult *
db_conn_result(struct db *d, int64_t deadline, bool *late)
{
	*late = false;
	while (PQisBusy(d->conn)) {
		short events = POLLIN;

		if (PQflush(d->conn) == 1)
			events |= POLLOUT;
		if (!wait_fd(PQsocket(d->conn), events, deadline)) {
			*late = true;
			return NULL;
		}
		if (!PQconsumeInput(d->conn))
			break; /* PQgetResult reports the loss */
	}
	return PQgetResult(d->conn);
}
