#include <stdio.h>

#include "base/clock.h"
#include "store/pg/db_private.h"

/*
 * The name is made from the text (FNV-1a): behind a pooler another program's
 * statement under this name is then the same statement.
 */
const char *
db_prepare_name(struct db *d, enum query q)
{
	uint64_t h = UINT64_C(14695981039346656037);

	if (d->names[q][0] != '\0')
		return d->names[q];
	for (const char *p = query_table[q].sql; *p; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	snprintf(d->names[q], DB_PREPARED, "s%016llx", (unsigned long long)h);
	return d->names[q];
}

enum fate
db_prepare(struct db *d, enum query q, enum err *err)
{
	int64_t deadline = clock_mono() + d->o.statement_timeout;
	enum fate fate = FATE_LOST;
	bool late;
	PGresult *r;

	*err = E_UNAVAILABLE;
	if (d->prepared[q])
		return FATE_DONE;
	d->trips++;
	if (!PQsendPrepare(d->conn, db_prepare_name(d, q), query_table[q].sql,
	    0,
	    NULL))
		return FATE_UNDONE;
	while ((r = db_conn_result(d, deadline, &late)) != NULL) {
		const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE);

		/* 42P05: it exists already, and its name stands for its text */
		if (s && strcmp(s, "42P05") == 0)
			fate = FATE_DONE;
		else
			fate = db_judge(d, query_table[q].name, r, err);
		PQclear(r);
	}
	d->prepared[q] = fate == FATE_DONE && !late;
	/* nothing has run yet, whatever happened */
	return late ? FATE_LATE : fate == FATE_LOST ? FATE_UNDONE : fate;
}
