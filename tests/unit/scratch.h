#ifndef SCRATCH_H
#define SCRATCH_H

#include <sys/types.h>

#include <libpq-fe.h>

/*
 * A private Postgres (and PgBouncer) for one test program, by tests/scratch.
 * Started before check forks, stopped when the program ends. Without the
 * server programs the tests are skipped.
 */
void scratch_start(void);

/* A standby of it, in the same directory on port 5433. */
void scratch_standby(void);

/* SCRATCH_OWNER, SCRATCH_APP, SCRATCH_POOL or SCRATCH_ADMIN. */
const char *scratch_conninfo(const char *which);

/* A fresh database called name; its conninfo for that user, static memory. */
void scratch_database(const char *name);
/* The same with options of "create database". */
void scratch_database_as(const char *name, const char *options);
const char *scratch_in(const char *name, const char *user);

/* A connection of the superuser, besides the code under test. */
PGconn *scratch_admin(const char *database);

/* Run sql there, fail the test on an error; the first cell or "". */
const char *scratch_sql(PGconn *admin, const char *sql);

/* Run sql until it yields want; fails the test after ten seconds. */
void scratch_until(PGconn *admin, const char *sql, const char *want);

#endif
