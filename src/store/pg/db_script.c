#include "base/clock.h"
#include "base/log.h"
#include "store/pg/db_private.h"

/* The server's message and the place it names, as one line. */
static const char *
words(struct arena *a, const PGresult *r)
{
	const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *place = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);

	if (!message)
		message = "the connection was lost";
	if (!place)
		return arena_fmt(a, "%s", message).p;
	return arena_fmt(a, "%s (at character %s)", message, place).p;
}

enum err
db_script(struct db *d, struct arena *a, const char *label, const char *sql,
    const char **why)
{
	int64_t deadline = clock_mono() + d->o.statement_timeout;
	enum err err = db_conn_ready(d), first = E_OK;
	bool late = false;
	PGresult *r;

	*why = "the database is not reachable";
	if (err != E_OK)
		return err;
	d->trips++;
	if (!PQsendQuery(d->conn, sql))
		return E_UNAVAILABLE;
	while ((r = db_conn_result(d, deadline, &late)) != NULL) {
		enum fate fate = db_judge(d, label, r, &err);

		if (fate != FATE_DONE && first == E_OK) {
			*why = words(a, r);
			first = err;
		}
		PQclear(r);
	}
	if (late) {
		*why = "it took too long";
		db_conn_abandon(d);
		return E_UNAVAILABLE;
	}
	return first;
}
