#ifndef STORE_PG_DB_PRIVATE_H
#define STORE_PG_DB_PRIVATE_H

#include <sys/types.h>

#include <libpq-fe.h>

#include "store/pg/db.h"

/*
 * The connection below store/pg/db.h, for its folder only: when to open it, when
 * to distrust it, and how to wait for it with a deadline. All times are
 * monotonic microseconds.
 */
#define DB_WHY 512
#define DB_PREPARED 18 /* the name of a prepared statement, with its NUL */

/* What became of a statement. */
enum fate {
	FATE_DONE,
	FATE_FAILED, /* refused by the server: err tells how */
	FATE_AGAIN,  /* rolled back: serialization, deadlock */
	FATE_UNDONE, /* connection lost, surely without effect */
	FATE_LOST,   /* connection lost, effect unknown */
	FATE_LATE,   /* deadline passed, effect unknown */
	FATE_UNKNOWN_NAME, /* the prepared statement is not there */
	FATE_STALE   /* its plan does not fit the schema any more */
};

/* Arguments as libpq wants them. */
#define DB_PARAMS 64
struct bound {
	int n;
	const char *value[DB_PARAMS];
	int length[DB_PARAMS];
	int format[DB_PARAMS];
};

/* The state of a statement under way, or ended. */
struct reply {
	enum fate fate;
	enum err err;
	struct rows *rows;
	bool sent;
	bool begun;  /* something was answered */
	bool wanted; /* its rows have come */
};

/* A statement that nobody waits for (store/pg/db_async.c). */
struct flight {
	bool on;
	enum query q;
	struct arena *a;
	struct bound b;
	struct reply y;
	int64_t start;
	int64_t deadline;
};

/*
 * A host of a conninfo; NULL or "": the conninfo's value, or libpq's default.
 */
#define DB_HOSTS 8
#define DB_ADDRESSES 4 /* of one host */
#define DB_ADDRESS 64
struct db_target {
	const char *host, *address, *port;
	char last[DB_ADDRESS]; /* the address that served, or "" */
	bool doubted;	       /* and may be cut off: it is asked last */
};

/* All hosts, the one to ask first in front (store/pg/db_target.c). */
struct db_targets {
	int n;
	struct db_target at[DB_HOSTS];
	const char *application; /* application_name, or "" */
	char *text[4];		 /* what the others point into */
};

struct db {
	struct db_options o;
	char *conninfo;
	struct db_targets targets;
	PGconn *conn;
	pid_t pid;	  /* who opened conn: it does not cross a fork */
	int64_t expires;  /* conn is replaced after this */
	int64_t retry_at; /* no attempt to connect before this */
	int64_t pause;	  /* current back-off, 0 when all is well */
	bool pinned;	  /* inside a transaction: never replaced */
	bool dying;	  /* the server has announced its end */
	enum db_trouble trouble; /* of the last statement */
	enum db_trouble absent;	 /* of the last attempt to connect */
	enum db_trouble told;	 /* what the log has been told … */
	int64_t told_until;	 /* … and need not hear before this */
	char why[DB_WHY];	 /* there was no connection */
	uint64_t trips;
	char constraint[DB_NAME];
	bool prepared[Q_COUNT];
	char names[Q_COUNT][DB_PREPARED]; /* "": not needed yet */
	struct flight flight;
};

/*
 * Ensure a live connection: open one where there is none, replace one that is
 * too old, was closed by the server while idle, or belongs to the parent
 * process. Of several hosts, or addresses of one, the one that served last is
 * asked first; each has connect_timeout; one that takes no writes is skipped.
 * E_UNAVAILABLE at once while in back-off.
 */
enum err db_conn_ready(struct db *d);

/* Drop the connection; the next db_conn_ready opens another. */
void db_conn_drop(struct db *d);

/*
 * Tell the log, once a minute at most, what keeps the database from serving;
 * statement and sqlstate that showed it, or "".
 */
void db_judge_tell(struct db *d, enum db_trouble t, const char *statement,
    const char *sqlstate);

/* Read the hosts of a conninfo that db_conninfo_fault has found good. */
void db_targets_read(struct db_targets *t, const char *conninfo);
void db_targets_free(struct db_targets *t);
/*
 * The addresses of a host's name, the one that served last in front, or behind
 * where it is doubted. 0: there is nothing to look up. Below 0: getaddrinfo's error.
 */
int db_target_addresses(const struct db_target *t,
    char (*out)[DB_ADDRESS]);
/* Move host `from` to place `to`; those between move by one place. */
void db_target_move(struct db_targets *t, int from, int to);

/*
 * A conninfo's option whose value is none of libpq's words for it, or of no
 * use to a service that writes; NULL: there is none. The sentence, in static
 * memory, names the option and the words, and quotes no value.
 */
const char *db_words_fault(const PQconninfoOption *all);

/* What a conninfo gives for keyword; NULL. */
const char *db_target_option(const PQconninfoOption *all,
    const char *keyword);

/* Ask the server to cancel what runs, without waiting for it, and drop. */
void db_conn_abandon(struct db *d);

/*
 * db_conn_abandon when a deadline passed: perhaps the host was cut off, so
 * that the others are asked before it.
 */
void db_conn_late(struct db *d);

/*
 * The next result, sending what is still unsent. NULL at the end of a
 * statement, or with *late set when the deadline has passed.
 */
PGresult *db_conn_result(struct db *d, int64_t deadline, bool *late);

/*
 * Judge one result. For FATE_FAILED *err is the answer. A failure is logged
 * here, once, with statement name and sqlstate, never with values; only what
 * may be tried again is left to the caller.
 */
enum fate db_judge(struct db *d, const char *name, const PGresult *r,
    enum err *err);

/*
 * The parameters of a statement (store/pg/db_bind.c). E_BAD_REQUEST: a NUL in a
 * text.
 */
enum err db_bind(struct arena *a, struct statement s, struct bound *out);

/*
 * The parts of a statement: send it; read its answer until deadline, false when
 * the deadline came first (0: read only what is there); when it has ended, tell
 * its outcome, after a repetition where that is allowed.
 */
struct reply db_conn_send(struct db *d, enum query q, const struct bound *b);
bool db_conn_gather(struct db *d, struct arena *a, enum query q,
    int64_t deadline, struct reply *y);
enum err db_conn_end(struct db *d, struct arena *a, enum query q,
    const struct bound *b, struct reply *y, int64_t start);

/*
 * Prepare q on this connection under db_prepare_name; the first time this costs
 * a round trip (store/pg/db_prepare.c).
 */
enum fate db_prepare(struct db *d, enum query q, enum err *err);
const char *db_prepare_name(struct db *d, enum query q);

/* Copy what a statement answered (store/pg/rows.c). */
struct rows *rows_copy(struct arena *a, enum query q, const PGresult *r);

/* Cells. Row and column are checked against the result: out of it aborts. */
struct str row_str(const struct rows *r, size_t row, int col);
int64_t row_int(const struct rows *r, size_t row, int col); /* NULL: 0 */
bool row_bool(const struct rows *r, size_t row, int col);   /* NULL: false */
bool row_null(const struct rows *r, size_t row, int col);
struct str row_bytes(struct arena *a, const struct rows *r, size_t row,
    int col);

#endif
