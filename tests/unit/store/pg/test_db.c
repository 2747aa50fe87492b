#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/migrate.h"
#include "store/pg/db_private.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define LOG_FILE "test_store_db.out"
#define WAITING "select count(*) from pg_stat_activity where wait_event_type" \
	" = 'Lock' and usename = 'postern_owner'"
#define LOCK "select pg_advisory_lock(5785213947206193)"
#define UNLOCK "select pg_advisory_unlock(5785213947206193)"

static struct db *d;
static PGconn *admin;

static struct db *
open_db(const char *conninfo, bool prepare)
{
	struct db_options o = { conninfo, 2 * CLOCK_SECOND, 10 * CLOCK_SECOND,
		0, prepare, false };

	return db_new(&o);
}

/* Rows go into schema_migrations; a trigger there can raise any sqlstate. */
static enum err
add(struct db *db, int version, const char *name)
{
	return db_run(db, a, SQL(migration_add, .version = version,
	    .name = str_of(name), .sha256 = str_of("-")), NULL);
}

static long
count(void)
{
	return strtol(scratch_sql(admin,
	    "select count(*) from schema_migrations"), NULL, 10);
}

static void
setup(void)
{
	unlink(LOG_FILE);
	ck_assert(log_open("test", LOG_FILE, LOG_DEBUG_));
	a = arena_new(256u << 20);
	admin = scratch_admin("postern");
	scratch_sql(admin, "drop schema public cascade; create schema public "
	    "authorization postern_owner; grant all on schema public to public");
	d = open_db(scratch_conninfo("SCRATCH_OWNER"), false);
	ck_assert_int_eq(db_run(d, a, SQL(migration_table), NULL), E_OK);
	scratch_sql(admin, "create sequence raised;"
	    "grant all on sequence raised to public;"
	    "create function raise_it() returns trigger language plpgsql as $$"
	    "begin "
	    "if new.name ~ '^[0-9X][0-9A-Z]{4}$' then"
	    "  raise exception 'value %', new.sha256 using errcode = new.name;"
	    "elsif new.name like 'once %' and nextval('raised') <"
	    "    new.sha256::int then"
	    "  raise exception 'later' using errcode = substr(new.name, 6);"
	    "end if; return new; end $$;"
	    "create trigger raise_it before insert on schema_migrations"
	    " for each row execute function raise_it();"
	    "grant all on schema_migrations to public");
}

static void
teardown(void)
{
	db_close(&d);
	PQfinish(admin);
	arena_free(&a);
	unlink(LOG_FILE);
}

static int
times_logged(const char *text)
{
	char line[4096];
	int n = 0;
	FILE *f = fopen(LOG_FILE, "r");

	while (f && fgets(line, sizeof line, f))
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return n;
}

static bool
logged(const char *text)
{
	return times_logged(text) > 0;
}

/* What happens on the side while the code under test is waiting. */
static pid_t
meanwhile(void (*fn)(PGconn *))
{
	pid_t pid = fork();

	if (pid == 0) {
		PGconn *c = scratch_admin("postern");

		fn(c);
		PQfinish(c);
		_exit(0);
	}
	return pid;
}

START_TEST(cells_have_their_types)
{
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	char name[] = "x";
	PGresAttDesc columns[6] = { { .name = name }, { .name = name },
		{ .name = name }, { .name = name }, { .name = name },
		{ .name = name } };
	char number[] = "-9223372036854775808", yes[] = "t",
	    bytes[] = "\\x00ff", empty[] = "", escaped[] = "\\000\\377x\\\\";
	struct rows *rows;

	PQsetResultAttrs(r, 6, columns);
	PQsetvalue(r, 0, 0, number, (int)strlen(number));
	PQsetvalue(r, 0, 1, yes, 1);
	PQsetvalue(r, 0, 2, bytes, 6);
	PQsetvalue(r, 0, 3, empty, 0);
	PQsetvalue(r, 0, 4, NULL, -1);
	PQsetvalue(r, 0, 5, escaped, (int)strlen(escaped));
	rows = rows_copy(a, Q_ping, r);
	PQclear(r);
	ck_assert_uint_eq(rows->n, 1);
	ck_assert(row_int(rows, 0, 0) == INT64_MIN);
	ck_assert(row_bool(rows, 0, 1));
	ck_assert(str_eq(row_bytes(a, rows, 0, 2), STR("\0\xff")));
	/* as a database with bytea_output = escape says it */
	ck_assert(str_eq(row_bytes(a, rows, 0, 5), STR("\0\xffx\\")));
	ck_assert(row_bytes(a, rows, 0, 3).p && !row_bytes(a, rows, 0, 3).n);
	ck_assert(!row_null(rows, 0, 3) && row_str(rows, 0, 3).n == 0);
	ck_assert(row_null(rows, 0, 4) && row_int(rows, 0, 4) == 0);
	ck_assert(!row_bool(rows, 0, 4));
	ck_assert_ptr_null(row_bytes(a, rows, 0, 4).p);
}
END_TEST

START_TEST(a_cell_that_is_not_there_aborts)
{
	struct rows rows = { .n = 1, .columns = 1, .cells = &STR("x") };

	row_str(&rows, 1, 0);
}
END_TEST

START_TEST(text_travels_unchanged)
{
	const char *odd = "O'Neil \\ \" \xc3\xa4 \n $1";
	struct rows *r;

	ck_assert_int_eq(add(d, -5, odd), E_OK);
	ck_assert_int_eq(db_run(d, a, SQL(migration_list), &r), E_OK);
	ck_assert_uint_eq(r->n, 1);
	ck_assert(migration_list_row(r, 0).version == -5);
	ck_assert(str_eq(migration_list_row(r, 0).name, str_of(odd)));
	ck_assert(migration_list_row(r, 0).applied_at >
	    INT64_C(1500000000000000));
}
END_TEST

/* The result of one statement, read as that of another. */
START_TEST(a_row_of_another_shape_aborts)
{
	struct rows *r;

	ck_assert_int_eq(db_run(d, a, SQL(migration_list), &r), E_OK);
	r->n = 1;
	(void)migration_known_row(r, 0);
}
END_TEST

START_TEST(text_that_cannot_be_stored_is_the_callers_fault)
{
	ck_assert_int_eq(db_run(d, a, SQL(migration_add, .version = 1,
	    .name = STR("a\0b"), .sha256 = str_of("")), NULL), E_BAD_REQUEST);
	ck_assert_int_eq(add(d, 1, "\xff"), E_BAD_REQUEST);
}
END_TEST

START_TEST(a_conflict_names_its_constraint)
{
	ck_assert_int_eq(add(d, 1, "x"), E_OK);
	ck_assert_int_eq(add(d, 1, "y"), E_CONFLICT);
	ck_assert_str_eq(db_constraint(d), "schema_migrations_pkey");
}
END_TEST

static const struct {
	const char *state;
	enum err err;
} states[] = {
	{ "23505", E_CONFLICT }, { "23503", E_CONFLICT },
	{ "55P03", E_UNAVAILABLE }, { "57014", E_UNAVAILABLE },
	{ "25006", E_UNAVAILABLE }, { "53100", E_UNAVAILABLE },
	{ "57P01", E_UNAVAILABLE }, { "57P03", E_UNAVAILABLE },
	{ "08006", E_UNAVAILABLE }, { "40001", E_UNAVAILABLE },
	{ "22021", E_BAD_REQUEST }, { "22P02", E_INTERNAL },
	{ "42501", E_UNAVAILABLE },
	/* the server is full, under somebody's hands, or broken */
	{ "53000", E_UNAVAILABLE }, { "53200", E_UNAVAILABLE },
	{ "53300", E_UNAVAILABLE }, { "53400", E_UNAVAILABLE },
	{ "57000", E_UNAVAILABLE }, { "57P02", E_UNAVAILABLE },
	{ "57P04", E_UNAVAILABLE }, { "57P05", E_UNAVAILABLE },
	{ "58000", E_UNAVAILABLE }, { "58030", E_UNAVAILABLE },
	{ "58P01", E_UNAVAILABLE }, { "58P02", E_UNAVAILABLE },
	{ "XX000", E_UNAVAILABLE }, { "XX001", E_UNAVAILABLE },
	{ "XX002", E_UNAVAILABLE },
	/* the schema is another one */
	{ "42P01", E_UNAVAILABLE }, { "42703", E_UNAVAILABLE },
	{ "42883", E_UNAVAILABLE },
};

START_TEST(an_sqlstate_becomes_what_the_caller_can_do)
{
	ck_assert_int_eq(add(d, 1, states[_i].state), states[_i].err);
	ck_assert_int_eq(count(), 0);
	/* and the next one is well again */
	ck_assert_int_eq(add(d, 1, "x"), E_OK);
}
END_TEST

/* Security row LO: what people typed has no way into the log. */
START_TEST(a_failure_is_logged_without_values)
{
	ck_assert_int_eq(db_run(d, a, SQL(migration_add, .version = 1,
	    .name = str_of("22P02"), .sha256 = str_of("hunter2")), NULL),
	    E_INTERNAL);
	ck_assert(logged("\"statement\":\"migration_add\""));
	ck_assert(logged("22P02"));
	ck_assert(!logged("hunter2"));
}
END_TEST

START_TEST(a_serialization_failure_is_tried_three_times_more)
{
	ck_assert_int_eq(db_run(d, a, SQL(migration_add, .version = 1,
	    .name = str_of("once 40001"), .sha256 = str_of("4")), NULL), E_OK);
	ck_assert_int_eq(db_run(d, a, SQL(migration_add, .version = 2,
	    .name = str_of("once 40P01"), .sha256 = str_of("100")), NULL),
	    E_UNAVAILABLE);
	/* 4 calls of nextval, then 4 more */
	ck_assert_str_eq(scratch_sql(admin, "select last_value from raised"),
	    "8");
}
END_TEST

START_TEST(a_connection_closed_while_idle_costs_no_write)
{
	ck_assert_int_eq(add(d, 1, "x"), E_OK);
	scratch_sql(admin, "select pg_terminate_backend(pid) from "
	    "pg_stat_activity where usename = 'postern_owner'");
	scratch_until(admin, "select count(*) from pg_stat_activity where "
	    "usename = 'postern_owner'", "0");
	ck_assert_int_eq(add(d, 2, "y"), E_OK);
	ck_assert_int_eq(count(), 2);
}
END_TEST

static void
terminate_then_unlock(PGconn *c)
{
	scratch_sql(c, LOCK);
	scratch_until(c, WAITING, "1");
	scratch_sql(c, "select pg_terminate_backend(pid) from pg_stat_activity "
	    "where usename = 'postern_owner' and wait_event_type = 'Lock'");
	scratch_until(c, WAITING, "1");
	scratch_sql(c, UNLOCK);
}

/* 57P01 in place of the answer: surely rolled back, so sent once more. */
START_TEST(a_statement_ended_by_the_administrator_is_sent_again)
{
	pid_t side = meanwhile(terminate_then_unlock);
	int status;

	scratch_until(admin, "select count(*) from pg_locks where locktype = "
	    "'advisory'", "1");
	ck_assert_int_eq(db_run(d, a, SQL(migration_lock), NULL), E_OK);
	waitpid(side, &status, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void
kill_hard(PGconn *c)
{
	char sql[] = "select pid from pg_stat_activity where usename = "
	    "'postern_owner' and wait_event_type = 'Lock'";

	scratch_sql(c, LOCK);
	scratch_until(c, WAITING, "1");
	kill((pid_t)strtol(scratch_sql(c, sql), NULL, 10), SIGKILL);
}

START_TEST(a_write_of_unknown_fate_is_not_sent_again)
{
	pid_t side = meanwhile(kill_hard);
	enum err e;

	scratch_until(admin, "select count(*) from pg_locks where locktype = "
	    "'advisory'", "1");
	ck_assert_int_eq(db_run(d, a, SQL(migration_lock), NULL),
	    E_UNAVAILABLE);
	ck_assert(logged("\"effect\":\"unknown\""));
	waitpid(side, NULL, 0);
	/* the server recovers from its crash; so do we, by ourselves */
	for (int i = 0; (e = db_run(d, a, SQL(ping), NULL)) != E_OK && i <
	    1000;
	    i++)
		usleep(10000);
	ck_assert_int_eq(e, E_OK);
	PQreset(admin);
}
END_TEST

START_TEST(a_statement_past_its_deadline_is_cancelled)
{
	d->o.statement_timeout = 200 * CLOCK_MS;
	scratch_sql(admin, LOCK);
	ck_assert_int_eq(db_run(d, a, SQL(migration_lock), NULL),
	    E_UNAVAILABLE);
	scratch_until(admin, WAITING, "0");
	scratch_sql(admin, UNLOCK);
	ck_assert_int_eq(db_run(d, a, SQL(migration_lock), NULL), E_OK);
}
END_TEST

START_TEST(a_stopped_server_does_not_stop_us)
{
	pid_t backend;

	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_OK);
	backend = PQbackendPID(d->conn);
	d->o.statement_timeout = 200 * CLOCK_MS;
	kill(backend, SIGSTOP);
	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_UNAVAILABLE);
	/* the next one has a connection of its own */
	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_OK);
	ck_assert_int_ne(PQbackendPID(d->conn), backend);
	kill(backend, SIGCONT);
}
END_TEST

#define MUTE_AT "./.s.PGSQL.5432"

/* A listener whose backlog takes the connection and never says a word. */
static int
mute_open(char *here, size_t room)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = MUTE_AT };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(to.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(listen(fd, 50), 0);
	ck_assert_ptr_nonnull(getcwd(here, room));
	return fd;
}

START_TEST(a_server_that_never_greets_meets_the_connect_deadline)
{
	struct db_options o = { "host=/ dbname=x user=x", 100 * CLOCK_MS,
		CLOCK_SECOND, 0, false, false };
	char here[256], conninfo[300];
	int fd = mute_open(here, sizeof here);
	struct db *mute;
	int64_t retry_at;

	snprintf(conninfo, sizeof conninfo, "host='%s' dbname=x user=x", here);
	o.conninfo = conninfo;
	mute = db_new(&o);
	ck_assert_int_eq(db_run(mute, a, SQL(ping), NULL), E_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(db_why(mute), "no answer in time"));
	/* in back-off nothing is tried, so nothing moves */
	retry_at = mute->retry_at = clock_mono() + 3600 * CLOCK_SECOND;
	ck_assert_int_eq(db_run(mute, a, SQL(ping), NULL), E_UNAVAILABLE);
	ck_assert(mute->retry_at == retry_at);
	/* the pause doubles up to a second */
	for (int i = 0; i < 8; i++) {
		mute->retry_at = 0;
		mute->o.connect_timeout = 1;
		db_run(mute, a, SQL(ping), NULL);
		ck_assert(mute->retry_at < clock_mono() + 2 * CLOCK_SECOND);
	}
	ck_assert(mute->pause == CLOCK_SECOND);
	db_close(&mute);
	close(fd);
	unlink(MUTE_AT);
}
END_TEST

/* Its deadline is its own, and it is asked last from then on. */
START_TEST(a_silent_host_does_not_hide_the_one_behind_it)
{
	struct db_options o = { NULL, CLOCK_SECOND, 5 * CLOCK_SECOND, 0,
		false, false };
	char here[256], conninfo[600];
	int fd = mute_open(here, sizeof here);
	struct db *both;

	snprintf(conninfo, sizeof conninfo, "host='%s,%s' dbname=postern "
	    "user=postern_owner", here, getenv("SCRATCH"));
	o.conninfo = conninfo;
	both = db_new(&o);
	ck_assert_int_eq(db_run(both, a, SQL(ping), NULL), E_OK);
	ck_assert_str_eq(both->targets.at[1].host, here);
	/* it would not be reached any more behind the silent one */
	both->o.connect_timeout = 800 * CLOCK_MS;
	db_conn_drop(both);
	ck_assert_int_eq(db_run(both, a, SQL(ping), NULL), E_OK);
	ck_assert_str_eq(db_why(both), "");
	db_close(&both);
	close(fd);
	unlink(MUTE_AT);
}
END_TEST

/* It may be cut off: a login has no time to find that out twice. */
START_TEST(a_host_that_passed_a_deadline_is_asked_last)
{
	struct db_options o = { NULL, 300 * CLOCK_MS, 200 * CLOCK_MS, 0,
		false, false };
	char here[256], conninfo[600];
	int fd = mute_open(here, sizeof here);
	struct db *both;

	snprintf(conninfo, sizeof conninfo, "host='%s,%s' dbname=postern "
	    "user=postern_owner", getenv("SCRATCH"), here);
	o.conninfo = conninfo;
	both = db_new(&o);
	ck_assert_int_eq(db_run(both, a, SQL(ping), NULL), E_OK);
	ck_assert_str_eq(both->targets.at[1].host, here);
	scratch_sql(admin, LOCK);
	ck_assert_int_eq(db_run(both, a, SQL(migration_lock), NULL),
	    E_UNAVAILABLE);
	scratch_sql(admin, UNLOCK);
	ck_assert_str_eq(both->targets.at[0].host, here);
	ck_assert_int_eq(db_run(both, a, SQL(ping), NULL), E_OK);
	ck_assert_str_eq(both->targets.at[1].host, here);
	db_close(&both);
	close(fd);
	unlink(MUTE_AT);
}
END_TEST

/* Everything both ways between a client and Postgres' own socket. */
static void
relay(int client)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct pollfd p[2] = { { .fd = client, .events = POLLIN },
		{ .fd = socket(AF_UNIX, SOCK_STREAM, 0), .events = POLLIN } };
	char bytes[4096];
	ssize_t n = 1;

	snprintf(to.sun_path, sizeof to.sun_path, "%s/.s.PGSQL.5432",
	    getenv("SCRATCH"));
	if (connect(p[1].fd, (struct sockaddr *)&to, sizeof to) != 0)
		return;
	while (n > 0 && poll(p, 2, -1) > 0)
		for (int i = 0; i < 2 && n > 0; i++)
			if (p[i].revents) {
				n = read(p[i].fd, bytes, sizeof bytes);
				n = n > 0 ? write(p[!i].fd, bytes, (size_t)n) :
				    n;
			}
}

static int
listen_at(const char *address, in_port_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = *port };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, address, &at.sin_addr);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, n), 0);
	ck_assert_int_eq(listen(fd, 50), 0);
	getsockname(fd, (struct sockaddr *)&at, &n);
	*port = at.sin_port;
	return fd;
}

/* One name with two addresses, as of a host that has IPv6 as well. */
int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);
	void *found = dlsym(RTLD_NEXT, "getaddrinfo");

	memcpy(&real, &found, sizeof real);
	if (name == NULL || strcmp(name, "two.test") != 0)
		return real(name, service, hints, out);
	return real("127.0.0.2", service, hints, out) ||
	    real("127.0.0.1", service, hints, &(*out)->ai_next);
}

START_TEST(a_silent_address_does_not_hide_the_other_one_of_a_name)
{
	struct db_options o = { NULL, 300 * CLOCK_MS, 5 * CLOCK_SECOND, 0,
		false, false };
	char conninfo[300];
	in_port_t port = 0;
	int fd = listen_at("127.0.0.2", &port);
	int served = listen_at("127.0.0.1", &port), client;
	pid_t pid = fork();
	struct db *named;

	if (pid == 0) {
		signal(SIGCHLD, SIG_IGN);
		while ((client = accept(served, NULL, NULL)) >= 0) {
			if (fork() == 0) {
				relay(client);
				_exit(0);
			}
			close(client);
		}
		_exit(0);
	}
	snprintf(conninfo, sizeof conninfo, "postgresql://postern_owner@"
	    "two.test:%d/postern?sslmode=disable", ntohs(port));
	o.conninfo = conninfo;
	named = db_new(&o);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(db_run(named, a, SQL(ping), NULL), E_OK);
		ck_assert_str_eq(named->targets.at[0].last, "127.0.0.1");
		/* the second time it is asked first */
		ck_assert_int_eq(*db_why(named) == 0, i);
		/* the third time it is in doubt */
		i ? db_conn_late(named) : db_conn_drop(named);
	}
	named->o.connect_timeout = CLOCK_SECOND;
	ck_assert_int_eq(db_run(named, a, SQL(ping), NULL), E_OK);
	ck_assert_str_ne(db_why(named), "");
	db_close(&named);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	close(served);
}
END_TEST

/* The first host is cut off, the second one still a standby. */
START_TEST(a_promoted_standby_is_found_within_three_seconds)
{
	struct db_options o = { NULL, CLOCK_SECOND, 5 * CLOCK_SECOND, 0, false,
		false };
	char here[256], conninfo[600], standby[300];
	int fd = mute_open(here, sizeof here);
	int64_t promoted;
	struct db *both, *alone;
	PGconn *c;

	scratch_sql(admin, "create table queue_alarm (since timestamptz); "
	    "grant all on queue_alarm to public");
	scratch_standby();
	snprintf(conninfo, sizeof conninfo, "host='%s,%s' port=5432,5433 "
	    "dbname=postern user=postern_owner", here, getenv("SCRATCH"));
	o.conninfo = conninfo;
	both = db_new(&o);
	for (int64_t end = clock_mono() + 4 * CLOCK_SECOND;
	    clock_mono() < end; usleep(20000))
		ck_assert_int_eq(db_run(both, a, SQL(ping), NULL),
		    E_UNAVAILABLE);
	ck_assert_int_eq(db_ready(both, a), DB_STANDBY);
	ck_assert(logged("takes no writes"));
	snprintf(standby, sizeof standby, "host='%s' port=5433 user=postgres "
	    "dbname=postern", getenv("SCRATCH"));
	/* alone it is connected to, and not ready */
	alone = open_db(standby, false);
	ck_assert_int_eq(db_run(alone, a, SQL(ping), NULL), E_OK);
	ck_assert_int_eq(db_ready(alone, a), DB_STANDBY);
	db_close(&alone);
	c = PQconnectdb(standby);
	scratch_sql(c, "select pg_promote()");
	for (promoted = clock_mono(); add(both, 1, "x") != E_OK; usleep(20000))
		ck_assert(clock_mono() < promoted + 3 * CLOCK_SECOND);
	PQfinish(c);
	db_close(&both);
	close(fd);
	unlink(MUTE_AT);
}
END_TEST

/* What libpq would take for a name is printed by it, and by nobody else. */
static const struct {
	const char *conninfo, *says;
} faults[] = {
	{ "\"postgresql://postern:hunter2@h/d\"", "postgresql://" },
	{ "postgresql+asyncpg://postern:hunter2@h/d", "driver" },
	{ "postgresql+asyncpg://postern:hunter2@h/d?ssl=1", "driver" },
	{ "jdbc:postgresql://h/d?user=u&password=hunter2", "driver" },
	{ "postgresql://postern:hunter2%@h/d", "%25" },
	{ "postgresql://postern:hunter2%zz@h/d", "%25" },
	{ "postgresql://postern:p@hunter2@h/d", "%40" },
	{ "postgresql://postern:12/hunter2@h/d", "%40" },
	{ "postgresql://postern:hunter2/x", "%3A" },
	{ "postgresql://h/d?passwort=hunter2", "postgresql://" },
	{ "host=h password=a hunter2", "dbname=" },
	{ "host=h password='hunter2", "dbname=" },
	{ "hunter2", "postgresql://" },
	{ "host=postern:hunter2@h dbname=d", "host" },
	{ "dbname=postgresql://postern:hunter2@h/d", "dbname" },
	{ "postgresql://a,b,c,d,e,f,g,h,i/hunter2", "8 hosts" },
	{ "postgresql://a:1,b:2/d?hostaddr=1.1.1.1", "hosts" },
	{ "postgresql://u:hunter2@h/d?sslmode=required", "verify-full" },
	{ "postgresql://u:hunter2@h/d?sslmode=Require", "verify-full" },
	{ "host=h password=hunter2 sslmode=''", "verify-full" },
	{ "host=h target_session_attrs=master password=hunter2", "primary" },
	{ "host=a,b target_session_attrs=standby", "read-write" },
	{ "host=h channel_binding=yes", "channel_binding" },
	{ "host=h gssencmode=off", "gssencmode" },
	{ "host=h ssl_min_protocol_version=1.2", "TLSv1.2" },
	{ "host=h client_encoding=LATIN1", "UTF8" },
	{ "host=h replication=database", "replication" },
	{ "host=h keepalives_idle=30s", "whole number" },
	{ "host=h sslmode=disable channel_binding=require", "beside" },
	{ "host=h sslmode=require sslrootcert=system", "verify-full only" },
	{ "host=h ssl_min_protocol_version=TLSv1.3 "
	    "ssl_max_protocol_version=TLSv1.2", "above" },
};

START_TEST(a_connection_string_is_refused_without_a_word_of_it)
{
	const char *why = db_conninfo_fault(faults[_i].conninfo);

	ck_assert_ptr_nonnull(why);
	ck_assert_ptr_nonnull(strstr(why, faults[_i].says));
	ck_assert_ptr_null(strstr(why, "hunter2"));
}
END_TEST

static const char *const taken[] = {
	"postgresql://", "postgres://u@h/d", "host=/run/postgresql",
	"postgresql://u:p%40%2F%3A%25?#@h:5433/d?sslmode=require",
	"postgresql://u:p:q@[::1]:5432,h2:5433/d?target_session_attrs=any",
	"postgresql:///d?host=/run/postgresql&password=a@b",
	"host=a,b port=1,2 dbname='a b' password='x://@ y'", "",
	"host=h sslmode=verify-full sslrootcert=system client_encoding=utf8",
	("host=h ssl_min_protocol_version=tlsv1.2 keepalives_idle=60 "
	    "target_session_attrs=read-write channel_binding=require"),
	"service=postern", "host=@abstract,@other dbname=a@b", "postgresql://%2Frun%2Fpostgresql/d",
};

START_TEST(a_connection_string_of_libpq_is_taken)
{
	const char *why = db_conninfo_fault(taken[_i]);

	ck_assert_msg(why == NULL, "%s", why);
}
END_TEST

START_TEST(a_connection_does_not_cross_a_fork)
{
	int backend, status;
	pid_t child;

	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_OK);
	backend = PQbackendPID(d->conn);
	child = fork();
	if (child == 0) {
		bool well = db_run(d, a, SQL(ping), NULL) == E_OK &&
		    PQbackendPID(d->conn) != backend;

		db_close(&d);
		_exit(well ? 0 : 1);
	}
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_OK);
	ck_assert_int_eq(PQbackendPID(d->conn), backend);
}
END_TEST

START_TEST(an_old_connection_is_replaced)
{
	int backend;

	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_OK);
	backend = PQbackendPID(d->conn);
	d->expires = clock_mono();
	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_OK);
	ck_assert_int_ne(PQbackendPID(d->conn), backend);
}
END_TEST

START_TEST(a_batch_is_one_round_trip_and_one_transaction)
{
	struct migration_add_params one = PARAMS(migration_add,
	    .version = 1, .name = STR("x"), .sha256 = STR(""));
	struct migration_add_params two = PARAMS(migration_add,
	    .version = 2, .name = STR("y"), .sha256 = STR(""));
	struct statement steps[] = { SQL_OF(migration_add, &one),
		SQL_OF(migration_add, &two), SQL(migration_list) };
	struct rows *r[3];
	uint64_t trips = db_round_trips(d);

	ck_assert_int_eq(db_batch(d, a, steps, 3, r), E_OK);
	ck_assert_uint_eq(db_round_trips(d) - trips, 1);
	ck_assert_int_eq(r[0]->affected, 1);
	ck_assert_uint_eq(r[2]->n, 2);
	/* one transaction: both rows have its time */
	ck_assert(migration_list_row(r[2], 0).applied_at ==
	    migration_list_row(r[2], 1).applied_at);
}
END_TEST

START_TEST(a_batch_that_fails_leaves_nothing)
{
	struct migration_add_params one = PARAMS(migration_add,
	    .version = 1, .name = STR("x"), .sha256 = STR(""));
	struct statement steps[] = { SQL_OF(migration_add, &one),
		SQL_OF(migration_add, &one), SQL(migration_list) };

	ck_assert_int_eq(db_batch(d, a, steps, 3, NULL), E_CONFLICT);
	ck_assert_str_eq(db_constraint(d), "schema_migrations_pkey");
	ck_assert_int_eq(count(), 0);
	ck_assert_int_eq(add(d, 1, "x"), E_OK);
}
END_TEST

START_TEST(a_batch_that_fails_at_its_commit_is_no_success)
{
	struct migration_add_params one = PARAMS(migration_add,
	    .version = 1, .name = STR("x"), .sha256 = STR(""));
	struct statement steps[] = { SQL_OF(migration_add, &one),
		SQL(migration_list) };

	scratch_sql(admin, "create function refuse() returns trigger language "
	    "plpgsql as $$begin raise exception 'no' using errcode = '23505';"
	    " end$$; create constraint trigger refuse after insert on "
	    "schema_migrations deferrable initially deferred for each row "
	    "execute function refuse()");
	ck_assert_int_eq(db_batch(d, a, steps, 2, NULL), E_CONFLICT);
	ck_assert_int_eq(add(d, 1, "x"), E_CONFLICT);
	ck_assert_int_eq(count(), 0);
	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_OK);
}
END_TEST

START_TEST(a_batch_may_be_larger_than_every_buffer)
{
	enum { N = 8 };
	struct migration_add_params add[N];
	struct statement steps[2 * N];
	struct rows *r[2 * N];
	char *big = arena_alloc(a, 1u << 20);

	memset(big, 'x', (1u << 20) - 1);
	d->o.statement_timeout = 50 * CLOCK_SECOND; /* on a busy machine */
	for (int i = 0; i < N; i++) {
		add[i] = PARAMS(migration_add, .version = i,
		    .name = str_of(big), .sha256 = STR(""));
		steps[2 * i] = SQL_OF(migration_add, &add[i]);
		steps[2 * i + 1] = SQL(migration_list);
	}
	ck_assert_int_eq(db_batch(d, a, steps, 2 * N, r), E_OK);
	ck_assert_uint_eq(r[2 * N - 1]->n, N);
	ck_assert_uint_eq(migration_list_row(r[2 * N - 1], N - 1).name.n,
	    (1u << 20) - 1);
}
END_TEST

START_TEST(a_batch_is_repeated_as_a_whole)
{
	struct migration_add_params one = PARAMS(migration_add,
	    .version = 1, .name = STR("x"), .sha256 = STR(""));
	struct migration_add_params two = PARAMS(migration_add,
	    .version = 2, .name = STR("once 40001"), .sha256 = STR("3"));
	struct statement steps[] = { SQL_OF(migration_add, &one),
		SQL_OF(migration_add, &two) };

	ck_assert_int_eq(db_batch(d, a, steps, 2, NULL), E_OK);
	ck_assert_int_eq(count(), 2);
}
END_TEST

/* Two server connections under transaction pooling, with and without names. */
START_TEST(a_pooler_in_transaction_mode_is_no_obstacle)
{
	enum { CLIENTS = 3 };
	struct db *c[CLIENTS];
	struct migration_add_params args = PARAMS(migration_add,
	    .version = 0, .name = STR("x"), .sha256 = STR(""));
	struct statement steps[] = { SQL_OF(migration_add, &args),
		SQL(migration_list) };
	struct rows *r[2];

	for (int i = 0; i < CLIENTS; i++)
		c[i] = open_db(scratch_conninfo("SCRATCH_POOL"), _i == 1);
	for (int i = 0; i < 60; i++) {
		args.version = i;
		ck_assert_int_eq(db_batch(c[i % CLIENTS], a, steps, 2, r),
		    E_OK);
		ck_assert_uint_eq(r[1]->n, (size_t)(2 * i + 1));
		ck_assert_int_eq(add(c[(i + 1) % CLIENTS], 1000 + i, "y"),
		    E_OK);
		ck_assert_int_eq(db_run(c[(i + 2) % CLIENTS], a,
		    SQL(migration_list), r), E_OK);
		ck_assert_uint_eq(r[0]->n, (size_t)(2 * i + 2));
	}
	for (int i = 0; i < CLIENTS; i++)
		db_close(&c[i]);
}
END_TEST

/* A pooler refuses what it does not know, "options" for one. */
START_TEST(a_pooler_hands_on_that_there_is_no_audit_log)
{
	struct db_options o = { scratch_conninfo("SCRATCH_POOL"),
		2 * CLOCK_SECOND, 5 * CLOCK_SECOND, 0, false, true };
	struct db *quiet = db_new(&o), *loud = open_db(o.conninfo, false);

	scratch_sql(admin, "create function named() returns trigger language "
	    "plpgsql as $$begin new.sha256 = current_setting("
	    "'application_name'); return new; end$$; create trigger named "
	    "before insert on schema_migrations for each row execute "
	    "function named()");
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(add(i % 3 ? quiet : loud, i, "x"), E_OK);
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from "
	    "schema_migrations where sha256 = case when version % 3 = 0 then "
	    "'postern' else 'unaudited postern' end"), "12");
	db_close(&quiet);
	db_close(&loud);
}
END_TEST

/* Nothing in the log but one sentence that says what to do. */
START_TEST(a_database_without_schema_is_told_of_once)
{
	const char *text = db_trouble_text(DB_NO_SCHEMA);

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(db_ready(d, a), DB_NO_SCHEMA);
	ck_assert_int_eq(db_run(d, a, SQL(account_by_email,
	    .email = str_of("x")), NULL),
	    E_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(text, "posternctl migrate"));
	ck_assert_int_eq(times_logged(text), 1);
	ck_assert_int_eq(times_logged("statement failed"), 0);
}
END_TEST

static const struct {
	const char *sql;
	enum db_trouble trouble;
} states_of_database[] = {
	{ "select 1", DB_WELL },
	{ "alter database fresh set default_transaction_read_only = on",
	    DB_READ_ONLY },
	{ "drop table queue_alarm", DB_NO_SCHEMA },
	{ "delete from schema_migrations where version = 0", DB_NO_SCHEMA },
	{ "insert into schema_migrations values (9000, 'x', 'x')", DB_WELL },
	{ "revoke all on all tables in schema public from postern",
	    DB_NO_RIGHTS },
	{ "revoke update on queue_alarm from postern", DB_NO_RIGHTS },
	{ "revoke connect on database fresh from public", DB_GONE },
};

/* A database of its own with the schema; the connection is an admin's. */
static PGconn *
migrated(void)
{
	const char *why;

	scratch_database("fresh");
	ck_assert_int_eq(migrate_run(a, scratch_in("fresh", "postern_owner"),
	    "postern", NULL, &why), E_OK);
	return scratch_admin("fresh");
}

START_TEST(readiness_is_a_schema_and_a_write)
{
	PGconn *c = migrated();
	struct db *app;

	scratch_sql(c, states_of_database[_i].sql);
	app = open_db(scratch_in("fresh", "postern"), true);
	ck_assert_int_eq(db_ready(app, a), states_of_database[_i].trouble);
	db_close(&app);
	PQfinish(c);
}
END_TEST

/* A second for a month of them must not leave a table full of dead rows. */
START_TEST(readiness_leaves_nothing_to_vacuum)
{
	PGconn *c = migrated();
	struct db *app;

	scratch_sql(c, "create extension if not exists pgstattuple");
	app = open_db(scratch_in("fresh", "postern"), true);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(db_ready(app, a), DB_WELL);
	ck_assert_str_eq(scratch_sql(c, "select "
	    "dead_tuple_count = 0 and tuple_count = 1 from "
	    "pgstattuple('queue_alarm')"), "t");
	db_close(&app);
	PQfinish(c);
}
END_TEST

START_TEST(prepared_statements_survive_their_loss)
{
	struct db *p = open_db(scratch_conninfo("SCRATCH_OWNER"), true);
	uint64_t trips;

	ck_assert_int_eq(add(p, 1, "x"), E_OK);
	trips = db_round_trips(p);
	ck_assert_int_eq(add(p, 2, "x"), E_OK);
	ck_assert_uint_eq(db_round_trips(p) - trips, 1);
	PQclear(PQexec(p->conn, "deallocate all"));
	ck_assert_int_eq(add(p, 3, "x"), E_OK);
	ck_assert_int_eq(count(), 3);
	db_close(&p);
}
END_TEST

START_TEST(prepared_statements_survive_a_migration)
{
	struct db *p = open_db(scratch_conninfo("SCRATCH_OWNER"), true);
	struct statement step = SQL(migration_list);

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(db_run(p, a, SQL(migration_list), NULL),
		    E_OK);
		scratch_sql(admin, i ? "alter table schema_migrations alter "
		    "name type text" : "alter table schema_migrations alter "
		    "name type varchar(500)");
		if (i)
			ck_assert_int_eq(db_batch(p, a, &step, 1, NULL), E_OK);
		else
			ck_assert_int_eq(db_run(p, a, SQL(migration_list),
			    NULL), E_OK);
	}
	db_close(&p);
}
END_TEST

START_TEST(a_batch_may_be_prepared)
{
	struct db *p = open_db(scratch_conninfo("SCRATCH_OWNER"), true);
	struct migration_add_params one = PARAMS(migration_add,
	    .version = 1, .name = STR("x"), .sha256 = STR(""));
	struct statement steps[] = { SQL_OF(migration_add, &one),
		SQL(migration_list) };
	struct rows *r[2];
	uint64_t trips;

	ck_assert_int_eq(db_batch(p, a, steps, 2, r), E_OK);
	PQclear(PQexec(p->conn, "deallocate all"));
	one.version = 2;
	ck_assert_int_eq(db_batch(p, a, steps, 2, r), E_OK);
	one.version = 3;
	trips = db_round_trips(p);
	ck_assert_int_eq(db_batch(p, a, steps, 2, r), E_OK);
	ck_assert_uint_eq(db_round_trips(p) - trips, 1);
	ck_assert_uint_eq(r[1]->n, 3);
	db_close(&p);
}
END_TEST

START_TEST(a_pinned_connection_is_not_replaced)
{
	ck_assert_int_eq(db_run(d, a, SQL(transaction_begin), NULL), E_OK);
	db_pin(d, true);
	ck_assert_int_eq(add(d, 1, "x"), E_OK);
	scratch_sql(admin, "select pg_terminate_backend(pid) from "
	    "pg_stat_activity where usename = 'postern_owner'");
	ck_assert_int_eq(add(d, 2, "y"), E_UNAVAILABLE);
	ck_assert_int_eq(db_run(d, a, SQL(transaction_commit), NULL),
	    E_UNAVAILABLE);
	db_pin(d, false);
	ck_assert_int_eq(count(), 0);
	ck_assert_int_eq(add(d, 3, "z"), E_OK);
}
END_TEST

/* What db_ended says at last, with something else to do meanwhile. */
static enum err
ended(struct rows **out, int *looks)
{
	struct pollfd p;
	enum err e;

	for (*looks = 0; !db_ended(d, out, &e); ++*looks) {
		p.fd = db_fd(d, &p.events);
		ck_assert_int_ge(p.fd, 0);
		poll(&p, 1, 20);
	}
	return e;
}

START_TEST(a_statement_under_way_keeps_nobody)
{
	struct rows *out = NULL;
	int looks;
	enum err e;

	d->o.prepare = _i;
	scratch_sql(admin, LOCK);
	db_begin(d, a, SQL(migration_lock));
	for (int i = 0; i < 20; i++)
		ck_assert(!db_ended(d, &out, &e));
	scratch_until(admin, WAITING, "1");
	scratch_sql(admin, UNLOCK);
	ck_assert_int_eq(ended(&out, &looks), E_OK);
	ck_assert(out != NULL && out->n == 1);
	ck_assert_int_eq(db_run(d, a, SQL(ping), NULL), E_OK);
}
END_TEST

START_TEST(a_statement_under_way_has_a_deadline)
{
	struct rows *out;
	int looks;

	d->o.statement_timeout = 200 * CLOCK_MS;
	scratch_sql(admin, LOCK);
	db_begin(d, a, SQL(migration_lock));
	ck_assert_int_eq(ended(&out, &looks), E_UNAVAILABLE);
	scratch_until(admin, WAITING, "0");
	scratch_sql(admin, UNLOCK);
	db_begin(d, a, SQL(ping));
	ck_assert_int_eq(ended(&out, &looks), E_OK);
}
END_TEST

START_TEST(a_statement_under_way_may_be_larger_than_every_buffer)
{
	size_t n = 16u << 20;
	char *text = arena_alloc(a, n + 1);
	const struct migration_add_params add = { .version = 1,
		.name = { text, n }, .sha256 = STR("-") };
	struct rows *out;
	int looks;

	memset(text, 'x', n);
	db_begin(d, a, SQL_OF(migration_add, &add));
	ck_assert_int_eq(ended(&out, &looks), E_OK);
	ck_assert_int_ge(looks, 1);
	ck_assert_int_eq(count(), 1);
	/* and one that is refused, or never was sent, says so */
	db_begin(d, a, SQL_OF(migration_add, &add));
	ck_assert_int_eq(ended(&out, &looks), E_CONFLICT);
	text[0] = '\0';
	db_begin(d, a, SQL_OF(migration_add, &add));
	ck_assert_int_eq(ended(&out, &looks), E_BAD_REQUEST);
}
END_TEST

START_TEST(a_statement_under_way_is_sent_again_where_that_is_safe)
{
	pid_t side = meanwhile(terminate_then_unlock);
	struct rows *out;
	int looks, status;

	scratch_until(admin, "select count(*) from pg_locks where locktype = "
	    "'advisory'", "1");
	db_begin(d, a, SQL(migration_lock));
	ck_assert_int_eq(ended(&out, &looks), E_OK);
	waitpid(side, &status, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("store/db");
	TCase *t = tcase_create("db");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, cells_have_their_types);
	tcase_add_test_raise_signal(t, a_cell_that_is_not_there_aborts,
	    SIGABRT);
	tcase_add_test(t, text_travels_unchanged);
	tcase_add_test_raise_signal(t, a_row_of_another_shape_aborts,
	    SIGABRT);
	tcase_add_test(t, text_that_cannot_be_stored_is_the_callers_fault);
	tcase_add_test(t, a_conflict_names_its_constraint);
	tcase_add_loop_test(t, an_sqlstate_becomes_what_the_caller_can_do, 0,
	    sizeof states / sizeof *states);
	tcase_add_test(t, a_failure_is_logged_without_values);
	tcase_add_test(t, a_serialization_failure_is_tried_three_times_more);
	tcase_add_test(t, a_connection_closed_while_idle_costs_no_write);
	tcase_add_test(t, a_statement_ended_by_the_administrator_is_sent_again);
	tcase_add_test(t, a_statement_past_its_deadline_is_cancelled);
	tcase_add_test(t, a_stopped_server_does_not_stop_us);
	tcase_add_test(t, a_server_that_never_greets_meets_the_connect_deadline);
	tcase_add_test(t, a_host_that_passed_a_deadline_is_asked_last);
	tcase_add_test(t, a_silent_host_does_not_hide_the_one_behind_it);
	tcase_add_test(t,
	    a_silent_address_does_not_hide_the_other_one_of_a_name);
	tcase_add_test(t, a_promoted_standby_is_found_within_three_seconds);
	tcase_add_loop_test(t,
	    a_connection_string_is_refused_without_a_word_of_it, 0,
	    sizeof faults / sizeof *faults);
	tcase_add_loop_test(t, a_connection_string_of_libpq_is_taken, 0,
	    sizeof taken / sizeof *taken);
	tcase_add_test(t, a_connection_does_not_cross_a_fork);
	tcase_add_test(t, an_old_connection_is_replaced);
	tcase_add_test(t, a_batch_is_one_round_trip_and_one_transaction);
	tcase_add_test(t, a_batch_that_fails_leaves_nothing);
	tcase_add_test(t, a_batch_that_fails_at_its_commit_is_no_success);
	tcase_add_test(t, a_batch_may_be_larger_than_every_buffer);
	tcase_add_test(t, a_batch_is_repeated_as_a_whole);
	tcase_add_loop_test(t, a_pooler_in_transaction_mode_is_no_obstacle, 0,
	    2);
	tcase_add_test(t, a_pooler_hands_on_that_there_is_no_audit_log);
	tcase_add_test(t, a_database_without_schema_is_told_of_once);
	tcase_add_loop_test(t, readiness_is_a_schema_and_a_write, 0,
	    sizeof states_of_database / sizeof *states_of_database);
	tcase_add_test(t, readiness_leaves_nothing_to_vacuum);
	tcase_add_test(t, prepared_statements_survive_their_loss);
	tcase_add_test(t, prepared_statements_survive_a_migration);
	tcase_add_test(t, a_batch_may_be_prepared);
	tcase_add_test(t, a_pinned_connection_is_not_replaced);
	tcase_add_loop_test(t, a_statement_under_way_keeps_nobody, 0, 2);
	tcase_add_test(t, a_statement_under_way_has_a_deadline);
	tcase_add_test(t,
	    a_statement_under_way_may_be_larger_than_every_buffer);
	tcase_add_test(t,
	    a_statement_under_way_is_sent_again_where_that_is_safe);
	tcase_add_test(t, a_write_of_unknown_fate_is_not_sent_again);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	scratch_start();
	return unit_run_suite(suite());
}
