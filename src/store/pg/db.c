#include "store/pg/db.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "runtime/metric.h"
#include "store/pg/db_private.h"

#define TRIES_MAX 4 /* the first and three more */

struct db *
db_new(const struct db_options *o)
{
	struct db *d = memory_new("the database", 1, sizeof *d);
	char *conninfo = memory_copy("its conninfo", o->conninfo);

	d->o = *o;
	d->o.conninfo = d->conninfo = conninfo;
	db_targets_read(&d->targets, conninfo);
	return d;
}

void
db_close(struct db **d)
{
	if (!*d)
		return;
	db_conn_drop(*d);
	explicit_bzero((*d)->conninfo, strlen((*d)->conninfo));
	free((*d)->conninfo);
	db_targets_free(&(*d)->targets);
	free(*d);
	*d = NULL;
}

void
db_pin(struct db *d, bool on)
{
	d->pinned = on;
}

/*
 * An implicit transaction commits after its rows were sent, and that may fail.
 * The first failure counts; after the server announced its end, the next one is
 * only the closed connection.
 */
static void
take_result(struct db *d, struct arena *a, enum query q, PGresult *r,
    struct reply *y)
{
	if (!y->begun || y->fate == FATE_DONE)
		y->fate = db_judge(d, query_table[q].name, r, &y->err);
	if (y->fate == FATE_DONE && y->wanted)
		y->rows = rows_copy(a, q, r);
	y->begun = true;
	PQclear(r);
}

bool
db_conn_gather(struct db *d, struct arena *a, enum query q, int64_t deadline,
    struct reply *y)
{
	PGresult *r;
	bool late;

	while ((r = db_conn_result(d, deadline, &late)) != NULL)
		take_result(d, a, q, r, y);
	return !late;
}

struct reply
db_conn_send(struct db *d, enum query q, const struct bound *b)
{
	struct reply y = { .fate = FATE_FAILED };
	int sent;

	if ((y.err = db_conn_ready(d)) != E_OK)
		return y;
	if (d->o.prepare) {
		if ((y.fate = db_prepare(d, q, &y.err)) != FATE_DONE)
			return y;
		sent = PQsendQueryPrepared(d->conn, db_prepare_name(d, q),
		    b->n, b->value, b->length, b->format, 0);
	} else {
		sent = PQsendQueryParams(d->conn, query_table[q].sql, b->n,
		    NULL, b->value, b->length, b->format, 0);
	}
	/*
	 * From here on the effect of a statement without an answer is unknown.
	 */
	y.fate = sent ? FATE_LOST : FATE_UNDONE;
	y.err = E_UNAVAILABLE;
	y.sent = sent;
	d->trips += y.sent;
	return y;
}

static struct reply
attempt_query(struct db *d, struct arena *a, enum query q,
    const struct bound *b,
    bool wanted)
{
	struct reply y = db_conn_send(d, q, b);

	y.wanted = wanted;
	if (y.sent && !db_conn_gather(d, a, q,
	    clock_mono() + d->o.statement_timeout, &y)) {
		y.fate = FATE_LATE;
		y.err = E_UNAVAILABLE;
	}
	return y;
}

/* Note the loss; may the same be sent once more? */
static bool
may_retry(struct db *d, enum query q, enum fate fate, int tries)
{
	const struct query_text *t = &query_table[q];

	switch (fate) {
	case FATE_DONE:
	case FATE_FAILED:
		return false;
	case FATE_AGAIN:
		return tries < TRIES_MAX && !d->pinned;
	case FATE_UNKNOWN_NAME:
		/* a pooler that swaps connections: use no names from now on */
		d->prepared[q] = false;
		d->o.prepare = d->o.prepare && tries < 2;
		return tries < TRIES_MAX && !d->pinned;
	case FATE_STALE:
		db_conn_drop(d);
		return tries == 1 && !d->pinned;
	case FATE_LATE:
		db_conn_late(d);
		log_error("statement passed its deadline",
		    log_c("statement", t->name),
		    log_c("effect", t->safe ? "none" : "unknown"));
		return false;
	case FATE_UNDONE:
	case FATE_LOST:
		db_conn_drop(d);
		break;
	}
	if (tries == 1 && !d->pinned && (t->safe || fate == FATE_UNDONE))
		return true;
	log_error("database connection lost", log_c("statement", t->name),
	    log_c("effect", t->safe || fate == FATE_UNDONE ? "none" :
		"unknown"));
	return false;
}

enum err
db_conn_end(struct db *d, struct arena *a, enum query q, const struct bound *b,
    struct reply *y, int64_t start)
{
	int tries = 0;

	while (may_retry(d, q, y->fate, ++tries))
		*y = attempt_query(d, a, q, b, y->wanted);
	metric_took(METRIC_TIME_DATABASE, clock_mono() - start);
	if (y->fate == FATE_AGAIN || y->fate == FATE_UNKNOWN_NAME ||
	    y->fate == FATE_STALE)
		log_warn("statement gave up", log_c("statement",
		    query_table[q].name));
	return y->fate == FATE_DONE ? E_OK : y->err;
}

enum err
db_run(struct db *d, struct arena *a, struct statement s, struct rows **out)
{
	struct bound b;
	struct reply y;
	enum err err = db_bind(a, s, &b);
	int64_t start = clock_mono();

	if (err != E_OK)
		return err;
	y = attempt_query(d, a, s.q, &b, out != NULL);
	err = db_conn_end(d, a, s.q, &b, &y, start);
	if (err == E_OK && out)
		*out = y.rows;
	return err;
}

const char *
db_constraint(const struct db *d)
{
	return d->constraint;
}

uint64_t
db_round_trips(const struct db *d)
{
	return d->trips;
}
