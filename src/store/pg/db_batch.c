#include "base/clock.h"
#include "base/log.h"
#include "store/pg/db_private.h"

struct batch {
	struct db *d;
	struct arena *a;
	const struct statement *steps;
	int n;
	struct rows **results;
	int64_t deadline;
	enum fate fate; /* the first that is not FATE_DONE */
	enum err err;
};

static bool
send_step(struct batch *b, enum query q, const struct bound *p)
{
	PGconn *conn = b->d->conn;

	if (b->d->o.prepare)
		return PQsendQueryPrepared(conn, db_prepare_name(b->d, q), p->n,
		    p->value, p->length, p->format, 0) != 0;
	return PQsendQueryParams(conn, query_table[q].sql, p->n, NULL,
	    p->value, p->length, p->format, 0) != 0;
}

/*
 * All steps, then one Sync: the server runs what precedes the Sync as one
 * transaction; after an error it skips the rest and rolls back.
 */
static bool
send_steps(struct batch *b, const struct bound *p)
{
	if (!PQenterPipelineMode(b->d->conn))
		return false;
	for (int i = 0; i < b->n; i++)
		if (!send_step(b, b->steps[i].q, &p[i]))
			return false;
	return PQpipelineSync(b->d->conn) != 0;
}

/* Prepare all steps; nothing has run yet. */
static enum fate
prepare_steps(struct batch *b)
{
	enum fate fate = FATE_DONE;

	for (int i = 0; b->d->o.prepare && fate == FATE_DONE && i < b->n; i++)
		fate = db_prepare(b->d, b->steps[i].q, &b->err);
	return fate;
}

/* One result of step i; i == n is the Sync, where the commit may fail. */
static void
take_step(struct batch *b, int i, const PGresult *r)
{
	const char *name = i < b->n ? query_table[b->steps[i].q].name :
	    "commit of a batch";
	enum fate fate;
	enum err err;

	if (PQresultStatus(r) == PGRES_PIPELINE_ABORTED || b->fate != FATE_DONE)
		return;
	fate = db_judge(b->d, name, r, &err);
	if (fate != FATE_DONE) {
		b->fate = fate;
		b->err = err;
	} else if (i < b->n && b->results) {
		b->results[i] = rows_copy(b->a, b->steps[i].q, r);
	}
}

static void
lose_batch(struct batch *b, enum fate fate)
{
	if (b->fate == FATE_DONE) {
		b->fate = fate;
		b->err = E_UNAVAILABLE;
	}
}

/* In a pipeline each statement's results end with a NULL, the Sync has none. */
static bool
receive_results(struct batch *b)
{
	int i = 0, nulls = 0;

	for (;;) {
		bool late;
		PGresult *r = db_conn_result(b->d, b->deadline, &late);
		bool end = r && PQresultStatus(r) == PGRES_PIPELINE_SYNC;

		if (r) {
			take_step(b, i, r);
			PQclear(r);
			nulls = 0;
		} else if (i < b->n) {
			i++;
		} else if (++nulls > 1) {
			late = true;
		}
		if (end)
			return PQexitPipelineMode(b->d->conn) != 0;
		if (late || PQstatus(b->d->conn) != CONNECTION_OK) {
			lose_batch(b, late ? FATE_LATE : FATE_LOST);
			return false;
		}
	}
}

static enum fate
attempt_batch(struct batch *b, const struct bound *bound)
{
	struct db *d = b->d;

	if ((b->err = db_conn_ready(d)) != E_OK)
		return FATE_FAILED;
	b->fate = prepare_steps(b);
	if (b->fate == FATE_FAILED)
		return b->fate;
	b->deadline = clock_mono() + d->o.statement_timeout;
	d->trips++;
	if (b->fate == FATE_DONE && !send_steps(b, bound))
		lose_batch(b, FATE_UNDONE);
	else if (b->fate == FATE_DONE && receive_results(b) &&
	    b->fate != FATE_STALE)
		return b->fate;
	if (b->fate == FATE_LATE)
		db_conn_late(d);
	else
		db_conn_drop(d);
	return b->fate;
}

/* A batch whose Sync was not answered had no effect. */
static bool
may_retry_batch(const struct batch *b, int tries)
{
	bool safe = b->fate == FATE_UNDONE || b->fate == FATE_STALE;

	if (b->d->pinned)
		return false;
	if (b->fate == FATE_UNKNOWN_NAME) {
		/* a pooler that swaps connections: use no names from now on */
		for (int i = 0; i < b->n; i++)
			b->d->prepared[b->steps[i].q] = false;
		b->d->o.prepare = b->d->o.prepare && tries < 2;
	}
	if (b->fate == FATE_AGAIN || b->fate == FATE_UNKNOWN_NAME)
		return tries < 4;
	for (int i = 0; b->fate == FATE_LOST && i < b->n; i++)
		safe = (i == 0 || safe) && query_table[b->steps[i].q].safe;
	return safe && tries < 2;
}

enum err
db_batch(struct db *d, struct arena *a, const struct statement *steps, int n,
    struct rows **results)
{
	struct batch b = { d, a, steps, n, results, 0, FATE_DONE, E_OK };
	struct bound *bound;
	int tries = 0;

	if (n == 0)
		return E_OK;
	bound = arena_array(a, (size_t)n, sizeof *bound);
	for (int i = 0; i < n; i++) {
		enum err e = db_bind(a, steps[i], &bound[i]);

		if (e != E_OK)
			return e;
	}
	do
		b.fate = attempt_batch(&b, bound);
	while (may_retry_batch(&b, ++tries));
	if (b.fate != FATE_DONE && b.fate != FATE_FAILED)
		log_error("batch failed", log_c("first statement",
		    query_table[steps[0].q].name), log_c("effect",
		    b.fate == FATE_LOST || b.fate == FATE_LATE ? "unknown" :
		    "none"));
	return b.fate == FATE_DONE ? E_OK : b.err;
}
