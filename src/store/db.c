#include "store/db.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/link.h"
#include "store/metric.h"

#define TRIES_MAX 4 /* the first and three more */

struct db *
db_new(const struct db_options *o)
{
	struct db *d = calloc(1, sizeof *d);
	char *conninfo = strdup(o->conninfo);

	if (!d || !conninfo) {
		log_error("no memory for the database");
		_exit(70);
	}
	d->o = *o;
	d->o.conninfo = d->conninfo = conninfo;
	return d;
}

void
db_close(struct db **d)
{
	if (!*d)
		return;
	link_drop(*d);
	explicit_bzero((*d)->conninfo, strlen((*d)->conninfo));
	free((*d)->conninfo);
	free(*d);
	*d = NULL;
}

void
db_meanwhile(struct db *d, void (*wait)(void *arg, struct pollfd *p, int ms),
    void *arg)
{
	d->wait = wait;
	d->arg = arg;
}

void
db_pin(struct db *d, bool on)
{
	d->pinned = on;
}

static const char *
bind_text(struct arena *a, const struct arg *arg)
{
	switch (arg->kind) {
	case ARG_INT:
		return arena_int(a, arg->number).p;
	case ARG_BOOL:
		return arg->number ? "t" : "f";
	case ARG_TEXT:
		return arena_str(a, arg->text).p;
	case ARG_BYTES:
		return arg->text.n ? arg->text.p : "";
	case ARG_NULL:
		break;
	}
	return NULL;
}

enum err
link_bind(struct arena *a, enum query q, const struct arg *args, int nargs,
    struct bound *out)
{
	const struct query_text *t = &query_table[q];

	if (nargs != t->parameters || nargs > LINK_PARAMS) {
		log_error("statement with a wrong number of arguments",
		    log_c("statement", t->name), log_i("given", nargs),
		    log_i("wanted", t->parameters));
		return E_INTERNAL;
	}
	out->n = nargs;
	for (int i = 0; i < nargs; i++) {
		bool bytes = args[i].kind == ARG_BYTES;

		if (args[i].text.n > INT32_MAX ||
		    (args[i].kind == ARG_TEXT && str_has_nul(args[i].text))) {
			log_warn("a text that cannot be stored",
			    log_c("statement", t->name), log_i("argument", i + 1));
			return E_BAD_REQUEST;
		}
		out->value[i] = bind_text(a, &args[i]);
		out->length[i] = bytes ? (int)args[i].text.n : 0;
		out->format[i] = bytes;
	}
	return E_OK;
}

/*
 * Read until the statement has ended: with an implicit transaction the commit
 * comes after the rows and may fail. The first failure counts; what follows a
 * goodbye of the server is only the end of the connection.
 */
static enum fate
collect(struct db *d, struct arena *a, const char *name, struct rows **out,
    enum err *err)
{
	int64_t deadline = clock_mono() + d->o.statement_timeout;
	enum fate fate = FATE_LOST;
	bool late, first = true;
	PGresult *r;

	*err = E_UNAVAILABLE;
	d->trips++;
	while ((r = link_result(d, deadline, &late)) != NULL) {
		if (first || fate == FATE_DONE)
			fate = link_judge(d, name, r, err);
		if (fate == FATE_DONE && out)
			*out = rows_copy(a, r);
		first = false;
		PQclear(r);
	}
	if (late) {
		*err = E_UNAVAILABLE;
		return FATE_LATE;
	}
	return fate;
}

static enum fate
attempt(struct db *d, struct arena *a, enum query q, const struct bound *b,
    struct rows **out, enum err *err)
{
	const struct query_text *t = &query_table[q];
	enum fate fate;
	int sent;

	if ((*err = link_ready(d)) != E_OK)
		return FATE_FAILED;
	if (d->o.prepare) {
		if ((fate = link_prepare(d, a, q, err)) != FATE_DONE)
			return fate;
		sent = PQsendQueryPrepared(d->conn, link_name(a, q),
		    b->n, b->value, b->length, b->format, 0);
	} else {
		sent = PQsendQueryParams(d->conn, t->sql, b->n, NULL, b->value,
		    b->length, b->format, 0);
	}
	if (!sent) {
		*err = E_UNAVAILABLE;
		return FATE_UNDONE;
	}
	return collect(d, a, t->name, out, err);
}

/* Note the loss; may the same be sent once more? */
static bool
again(struct db *d, enum query q, enum fate fate, int tries)
{
	const struct query_text *t = &query_table[q];

	switch (fate) {
	case FATE_DONE:
	case FATE_FAILED:
		return false;
	case FATE_AGAIN:
		return tries < TRIES_MAX && !d->pinned;
	case FATE_UNKNOWN_NAME:
		/* a pooler that swaps connections: go on without names */
		d->prepared[q] = false;
		d->o.prepare = d->o.prepare && tries < 2;
		return tries < TRIES_MAX && !d->pinned;
	case FATE_STALE:
		link_drop(d);
		return tries == 1 && !d->pinned;
	case FATE_LATE:
		link_abandon(d);
		log_error("statement passed its deadline",
		    log_c("statement", t->name),
		    log_c("effect", t->safe ? "none" : "unknown"));
		return false;
	case FATE_UNDONE:
	case FATE_LOST:
		link_drop(d);
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
db_run(struct db *d, struct arena *a, enum query q, const struct arg *args,
    int nargs, struct rows **out)
{
	struct bound b;
	enum fate fate;
	enum err err = link_bind(a, q, args, nargs, &b);
	int64_t start = clock_mono();
	int tries = 0;

	if (err != E_OK)
		return err;
	do
		fate = attempt(d, a, q, &b, out, &err);
	while (again(d, q, fate, ++tries));
	metric_took(METRIC_TIME_DATABASE, clock_mono() - start);
	if (fate == FATE_AGAIN || fate == FATE_UNKNOWN_NAME ||
	    fate == FATE_STALE)
		log_warn("statement gave up", log_c("statement",
		    query_table[q].name));
	return fate == FATE_DONE ? E_OK : err;
}

const char *
db_constraint(const struct db *d)
{
	return d->constraint;
}

int64_t
db_ping(struct db *d, struct arena *a)
{
	int64_t start = clock_mono();

	return db_exec0(d, a, Q_PING, NULL) == E_OK ? clock_mono() - start : -1;
}

uint64_t
db_round_trips(const struct db *d)
{
	return d->trips;
}
