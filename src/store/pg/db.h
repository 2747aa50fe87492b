#ifndef STORE_PG_DB_H
#define STORE_PG_DB_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"
#include "store/pg/statement.h"

/*
 * The only way to libpq. One connection per process, opened at the first use
 * after fork, reopened when it dies. Every call has a deadline; a statement
 * past it is cancelled and the connection dropped.
 *
 * With database.prepare each statement is planned once per connection (a query
 * over several tables takes 20 µs instead of 180). Its name is a hash of its
 * text; a lost one is prepared again, and behind a pooler that swaps
 * connections the process goes on without names.
 */
struct db;

#define DB_NAME 64 /* a name in the database, with its NUL (NAMEDATALEN) */

struct db_options {
	const char *conninfo;
	int64_t connect_timeout;   /* µs, for each address of a host */
	int64_t statement_timeout; /* µs */
	int64_t max_lifetime;      /* µs */
	bool prepare;
	bool unaudited; /* the session writes no audit log */
};

/* As database.* and audit.enabled say; its conninfo is in a. */
struct db_options db_options_of(struct arena *a, const struct config *c);

/*
 * Why a conninfo cannot be used, as a sentence for people that contains no part
 * of it. NULL: libpq can read it, and none of its names contains a password by
 * mistake.
 */
const char *db_conninfo_fault(const char *conninfo);

/* The role a conninfo names; STR_NONE. */
struct str db_target_role(struct arena *a, const char *conninfo);

struct db *db_new(const struct db_options *o);
void db_close(struct db **d);

/* A result, copied into the arena. */
struct rows {
	size_t n;	  /* rows */
	int columns;
	long long affected; /* of the last command, CTE writes do not count */
	struct str *cells;  /* n * columns; NULL is STR_NONE */
	enum query q;	    /* what they answer */
	struct arena *arena;
};

/*
 * Run one statement; its parameters are copied before return. On E_OK *out
 * (may be NULL) is filled. Errors:
 *   E_CONFLICT     unique, foreign key or exclusion constraint; db_constraint
 *                  names it
 *   E_BAD_REQUEST  a text with a NUL or that is no UTF-8
 *   E_UNAVAILABLE  no connection, deadline, shutdown, serialization, a
 *                  server that is full, broken, read-only or not migrated;
 *                  when a write's fate is unknown this is logged as such
 *   E_TOKEN_INVALID  only where the statement says so (core/access/actor.h)
 *   E_INTERNAL     anything else (a fault of ours)
 * A dead connection found before anything was sent, or under a statement
 * marked "-- safe: yes" in sql/queries, is reopened and the statement sent
 * once more. 40001/40P01 are tried again up to 3 times; a batch too, as a
 * whole, for nothing of it has happened.
 */
enum err db_run(struct db *d, struct arena *a, struct statement s,
    struct rows **out);

/*
 * db_run for a process that waits for other things too: db_begin sends;
 * db_ended tells whether the answer has come, and what it is, as db_run does.
 * Until then the caller runs nothing else on d and does not reset a. Only
 * opening a connection blocks, for at most connect_timeout.
 */
void db_begin(struct db *d, struct arena *a, struct statement s);
bool db_ended(struct db *d, struct rows **out, enum err *err);
/* What to poll for meanwhile, *events as in poll(2); -1: nothing. */
int db_fd(const struct db *d, short *events);

/*
 * Several statements in one round trip and one transaction (pipeline mode):
 * all or none happen. results (n entries, may be NULL) receive the rows.
 */
enum err db_batch(struct db *d, struct arena *a,
    const struct statement *steps, int n, struct rows **results);

/*
 * Run a text of several statements (simple protocol), for migrations. Errors
 * as db_run's; nothing is tried again. E_INTERNAL with *why, in a, holding the
 * server's words: a migration has no parameters that could leak.
 */
enum err db_script(struct db *d, struct arena *a, const char *label,
    const char *sql, const char **why);

/* Between these the connection is never replaced: one transaction. */
void db_pin(struct db *d, bool on);

/* Constraint name of the last E_CONFLICT of this connection, or "". */
const char *db_constraint(const struct db *d);

/* Round trip for /health: µs, or -1 when Postgres does not answer. */
int64_t db_ping(struct db *d, struct arena *a);

/* Why a database cannot serve although it may answer. */
enum db_trouble {
	DB_WELL, DB_GONE, DB_FAILS, DB_STANDBY, DB_READ_ONLY, DB_NO_SCHEMA,
	DB_NO_RIGHTS
};

/*
 * Can it serve this program: does it have the schema and take writes? It makes
 * one write: one round trip and one flush of the server's log.
 */
enum db_trouble db_ready(struct db *d, struct arena *a);

/* A sentence for the operator: what is wrong and what to do. */
const char *db_trouble_text(enum db_trouble t);

/* What the last E_UNAVAILABLE came from; DB_WELL: nothing of these. */
enum db_trouble db_trouble(const struct db *d);

/* What the server said of itself when it was connected; "": nothing. */
const char *db_conn_server(const struct db *d, const char *parameter);

/* Why there was no connection the last time, for the operator; "". */
const char *db_why(const struct db *d);

/* Statements and round trips of this process, for tests/bench. */
uint64_t db_round_trips(const struct db *d);

#endif
