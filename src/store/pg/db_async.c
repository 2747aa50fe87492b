#include <poll.h>

#include "base/clock.h"
#include "store/pg/db_private.h"

void
db_begin(struct db *d, struct arena *a, struct statement s)
{
	struct flight *f = &d->flight;

	*f = (struct flight){ .on = true, .q = s.q, .a = a,
		.start = clock_mono(), .y.fate = FATE_FAILED };
	f->y.err = db_bind(a, s, &f->b);
	if (f->y.err == E_OK)
		f->y = db_conn_send(d, s.q, &f->b);
	f->y.wanted = true;
	f->deadline = clock_mono() + d->o.statement_timeout;
}

int
db_fd(const struct db *d, short *events)
{
	*events = POLLIN;
	if (!d->flight.on || !d->flight.y.sent)
		return -1;
	if (PQflush(d->conn) == 1)
		*events |= POLLOUT;
	return PQsocket(d->conn);
}

bool
db_ended(struct db *d, struct rows **out, enum err *err)
{
	struct flight *f = &d->flight;

	if (f->y.sent && !db_conn_gather(d, f->a, f->q, 0, &f->y)) {
		if (clock_mono() < f->deadline)
			return false;
		f->y.fate = FATE_LATE;
		f->y.err = E_UNAVAILABLE;
	}
	f->on = false;
	*err = db_conn_end(d, f->a, f->q, &f->b, &f->y, f->start);
	*out = f->y.rows;
	return true;
}
