#include "base/log.h"
#include "store/link.h"

/*
 * What an SQLSTATE means to a caller; the first row whose prefix fits. A state
 * ends a connection where the server has said so itself.
 */
static const struct {
	const char *prefix;
	enum fate fate;
	enum err err;
	bool drop;
} table[] = {
	/* the server ended the session in place of an answer: rolled back */
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
	{ "57014", FATE_FAILED, E_UNAVAILABLE, false },
	/* a standby: the next connection may find the primary */
	{ "25006", FATE_FAILED, E_UNAVAILABLE, true },
	{ "25P03", FATE_FAILED, E_UNAVAILABLE, true },
	{ "53", FATE_FAILED, E_UNAVAILABLE, false },
	/* text that is no UTF-8, or holds U+0000 */
	{ "22021", FATE_FAILED, E_BAD_REQUEST, false },
	{ "22P05", FATE_FAILED, E_BAD_REQUEST, false },
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

/*
 * The server's message may quote values, so it is not written; the sqlstate
 * with the names of statement and object leads to the fault as well.
 */
static void
report(const char *name, const PGresult *r, enum err err)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *object = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);

	if (!object)
		object = PQresultErrorField(r, PG_DIAG_TABLE_NAME);
	/* a conflict is an answer, not a fault */
	log_write(err == E_CONFLICT ? LOG_DEBUG_ :
		err == E_INTERNAL ? LOG_ERROR_ : LOG_WARN_,
	    "statement failed",
	    LOG_FIELDS(log_c("statement", name),
		log_c("sqlstate", state ? state : ""),
		log_c("object", object ? object : "")));
}

enum fate
link_judge(struct db *d, const char *name, const PGresult *r, enum err *err)
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
		fate = FATE_FAILED; /* a feature it does not have */
	if (fate == FATE_FAILED)
		report(name, r, *err);
	return fate;
}
