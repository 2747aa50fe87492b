#include "base/clock.h"
#include "base/log.h"
#include "store/pg/db_private.h"

/*
 * What an SQLSTATE means to a caller: the first row whose prefix matches. A
 * state ends the connection where the server has ended it itself.
 */
static const struct {
	const char *prefix;
	enum fate fate;
	enum err err;
	bool drop;
} table[] = {
	/* the server ended the session instead of answering: rolled back */
	{ "57P01", FATE_UNDONE, E_UNAVAILABLE, true },
	{ "57P03", FATE_UNDONE, E_UNAVAILABLE, true },
	{ "57P05", FATE_UNDONE, E_UNAVAILABLE, true },
	{ "57P", FATE_LOST, E_UNAVAILABLE, true },
	{ "08", FATE_LOST, E_UNAVAILABLE, true },
	{ "40001", FATE_AGAIN, E_UNAVAILABLE, false },
	{ "40P01", FATE_AGAIN, E_UNAVAILABLE, false },
	{ "26000", FATE_UNKNOWN_NAME, E_INTERNAL, false },
	{ "23505", FATE_FAILED, E_CONFLICT, false },
	{ "23503", FATE_FAILED, E_CONFLICT, false },
	{ "23P01", FATE_FAILED, E_CONFLICT, false },
	{ "55P03", FATE_FAILED, E_UNAVAILABLE, false },
	{ "57", FATE_FAILED, E_UNAVAILABLE, false },
	/* a standby: the next connection may find the primary */
	{ "25006", FATE_FAILED, E_UNAVAILABLE, true },
	{ "25P03", FATE_FAILED, E_UNAVAILABLE, true },
	{ "53", FATE_FAILED, E_UNAVAILABLE, false },
	/* its files or its program are broken: perhaps not for a new session */
	{ "58", FATE_FAILED, E_UNAVAILABLE, true },
	{ "XX", FATE_FAILED, E_UNAVAILABLE, true },
	/* names that do not exist: another schema */
	{ "3F000", FATE_FAILED, E_UNAVAILABLE, false },
	{ "42P01", FATE_FAILED, E_UNAVAILABLE, false },
	{ "42703", FATE_FAILED, E_UNAVAILABLE, false },
	{ "42704", FATE_FAILED, E_UNAVAILABLE, false },
	{ "42883", FATE_FAILED, E_UNAVAILABLE, false },
	/* missing rights: restored from a dump without them */
	{ "42501", FATE_FAILED, E_UNAVAILABLE, false },
	/* text that is no UTF-8, or holds U+0000 */
	{ "22021", FATE_FAILED, E_BAD_REQUEST, false },
	{ "22P05", FATE_FAILED, E_BAD_REQUEST, false },
	/* a state of ours, sql/schema/0087_actor.sql */
	{ "ZP001", FATE_FAILED, E_TOKEN_INVALID, false },
	/* cached plan after a migration: plan again on a new connection */
	{ "0A000", FATE_STALE, E_INTERNAL, false },
	{ "", FATE_FAILED, E_INTERNAL, false },
};

static void
keep_constraint(struct db *d, const PGresult *r)
{
	const char *c = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
	size_t n = c ? strlen(c) : 0;

	if (n >= sizeof d->constraint)
		n = sizeof d->constraint - 1;
	memcpy(d->constraint, c ? c : "", n);
	d->constraint[n] = 0;
}

/* What an SQLSTATE tells about the database as a whole. */
static enum db_trouble
trouble_of(const struct db *d, const char *state)
{
	static const char *const schema[] = { "3F000", "42P01", "42703",
		"42704", "42883" };

	if (strcmp(state, "25006") == 0)
		return strcmp(db_conn_server(d, "in_hot_standby"), "on") == 0 ?
		    DB_STANDBY : DB_READ_ONLY;
	if (strcmp(state, "42501") == 0)
		return DB_NO_RIGHTS;
	for (size_t i = 0; i < sizeof schema / sizeof *schema; i++)
		if (strcmp(state, schema[i]) == 0)
			return DB_NO_SCHEMA;
	return DB_WELL;
}

void
db_judge_tell(struct db *d, enum db_trouble t, const char *statement,
    const char *sqlstate)
{
	int64_t now = clock_mono();

	if (t == d->told && now < d->told_until)
		return;
	d->told = t;
	d->told_until = now + 60 * CLOCK_SECOND;
	log_error(db_trouble_text(t), log_c("statement", statement),
	    log_c("sqlstate", sqlstate));
}

/* Some states are answers, not faults. */
static enum log_level
level_of(const char *state, enum err err)
{
	if (err == E_CONFLICT || err == E_TOKEN_INVALID)
		return LOG_DEBUG_;
	if (err == E_INTERNAL || strncmp(state, "58", 2) == 0 ||
	    strncmp(state, "XX", 2) == 0)
		return LOG_ERROR_;
	return LOG_WARN_;
}

/*
 * The server's message may quote values, so it is not logged; the sqlstate and
 * the names of statement and object lead to the fault as well.
 */
static void
log_refusal(struct db *d, const char *name, const PGresult *r,
    const char *state,
    enum err err)
{
	const char *object = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);

	if (d->trouble != DB_WELL && err != E_INTERNAL) {
		db_judge_tell(d, d->trouble, name, state);
		return;
	}
	if (!object)
		object = PQresultErrorField(r, PG_DIAG_TABLE_NAME);
	log_write(level_of(state, err), "statement failed",
	    LOG_FIELDS(log_c("statement", name), log_c("sqlstate", state),
		log_c("object", object ? object : "")));
}

enum fate
db_judge(struct db *d, const char *name, const PGresult *r, enum err *err)
{
	ExecStatusType s = PQresultStatus(r);
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	enum fate fate;
	size_t i = 0;

	*err = E_OK;
	if (s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK ||
	    s == PGRES_PIPELINE_SYNC || s == PGRES_EMPTY_QUERY)
		return FATE_DONE;
	*err = E_UNAVAILABLE;
	if (!state || !*state)
		return FATE_LOST;
	while (strncmp(state, table[i].prefix, strlen(table[i].prefix)) != 0)
		i++;
	*err = table[i].err;
	if (*err == E_CONFLICT)
		keep_constraint(d, r);
	if (table[i].drop)
		d->dying = true;
	fate = table[i].fate;
	if (fate == FATE_STALE && !d->o.prepare)
		fate = FATE_FAILED; /* a feature the server lacks */
	d->trouble = trouble_of(d, state);
	/* Only "posternctl migrate", as the owner, makes what is missing. */
	if (d->pinned && (d->trouble == DB_NO_SCHEMA ||
	    d->trouble == DB_NO_RIGHTS))
		*err = E_INTERNAL;
	if (fate == FATE_FAILED)
		log_refusal(d, name, r, state, *err);
	return fate;
}
