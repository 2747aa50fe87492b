#include "tests/unit/scratch.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

static char dir[] = "/tmp/postern-unit.XXXXXX";
static pid_t owner;

static void
stop(void)
{
	char command[512];

	if (getpid() != owner)
		return;
	snprintf(command, sizeof command, "%s/scratch stop %s", TESTDIR, dir);
	if (system(command) != 0)
		fprintf(stderr, "%s is left over\n", dir);
}

static void
give_up(const char *tap)
{
	puts(tap);
	exit(0);
}

void
scratch_start(void)
{
	char command[512], line[512];
	FILE *f;
	int status;

	if (!mkdtemp(dir))
		give_up("Bail out! no temporary directory");
	owner = getpid();
	atexit(stop);
	snprintf(command, sizeof command, "%s/scratch start %s", TESTDIR, dir);
	f = popen(command, "r");
	while (f && fgets(line, sizeof line, f)) {
		char *value = strchr(line, '=');

		line[strcspn(line, "\n")] = 0;
		if (value) {
			*value = 0;
			setenv(line, value + 1, 1);
		}
	}
	status = f ? pclose(f) : -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		give_up("1..0 # SKIP no server programs");
	if (status != 0)
		give_up("Bail out! the servers did not start");
}

void
scratch_standby(void)
{
	char command[512];

	snprintf(command, sizeof command, "%s/scratch standby %s", TESTDIR,
	    dir);
	ck_assert_int_eq(system(command), 0);
}

const char *
scratch_conninfo(const char *which)
{
	const char *c = getenv(which);

	ck_assert_ptr_nonnull(c);
	return c;
}

const char *
scratch_in(const char *name, const char *user)
{
	static char conninfo[4][256];
	static int next;
	char *c = conninfo[next++ % 4];

	snprintf(c, sizeof conninfo[0], "host=%s dbname=%s user=%s", dir, name,
	    user);
	return c;
}

PGconn *
scratch_admin(const char *database)
{
	PGconn *c = PQconnectdb(scratch_in(database, "postgres"));

	ck_assert_msg(PQstatus(c) == CONNECTION_OK, "%s", PQerrorMessage(c));
	return c;
}

const char *
scratch_sql(PGconn *admin, const char *sql)
{
	static char cell[256];
	PGresult *r = PQexec(admin, sql);
	ExecStatusType s = PQresultStatus(r);

	ck_assert_msg(s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK, "%s",
	    PQresultErrorMessage(r));
	snprintf(cell, sizeof cell, "%s",
	    PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return cell;
}

void
scratch_until(PGconn *admin, const char *sql, const char *want)
{
	for (int i = 0; i < 1000; i++) {
		if (strcmp(scratch_sql(admin, sql), want) == 0)
			return;
		usleep(10000);
	}
	ck_abort_msg("never %s: %s", want, sql);
}

void
scratch_database(const char *name)
{
	scratch_database_as(name, "");
}

void
scratch_database_as(const char *name, const char *options)
{
	PGconn *c = scratch_admin("postgres");
	char sql[256];

	snprintf(sql, sizeof sql, "drop database if exists %s", name);
	scratch_sql(c, sql);
	snprintf(sql, sizeof sql, "create database %s owner postern_owner %s",
	    name, options);
	scratch_sql(c, sql);
	PQfinish(c);
}
