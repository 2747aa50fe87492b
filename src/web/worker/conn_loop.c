#include "web/worker/conn_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "web/worker/conn.h"

#define EVENTS 32
#define AT_ONCE 16 /* connections that are accepted without asking epoll */
#define LEAVE_TIME (9 * CLOCK_SECOND) /* the master waits for ten */

struct conn_loop {
	struct conn_world world;
	unsigned at_once;
	bool closed; /* the source of work */
};

/* Take one connection, from the socket or from the lane. */
static bool
take_one(struct conn_loop *l)
{
	struct worker_shift *s = l->world.shift;
	struct fcgi_request rq = { .conn = -1, .bytes = -1 };
	enum lane_state state;
	bool late = false;

	if (s->o->kind == WORKER_HEAVY)
		state = lane_take(s->o->lane, &rq, &late);
	else
		state = worker_shift_accept(s, &rq.conn);
	if (state == LANE_TAKEN)
		conn_meet(&l->world, rq.conn, rq.bytes, late);
	if (rq.bytes >= 0)
		close(rq.bytes);
	l->closed |= state == LANE_CLOSED;
	return state == LANE_TAKEN;
}

/*
 * When connections queue up, taking the next one costs less than asking first
 * whether there is one; when they come singly, asking first costs less.
 */
static void
take_some(struct conn_loop *l)
{
	unsigned n = 0;

	while (n < l->at_once && !l->world.kept &&
	    !worker_shift_over(l->world.shift) && take_one(l))
		n++;
	l->at_once = n < l->at_once ? 1 : n * 2 < AT_ONCE ? n * 2 : AT_ONCE;
}

static void
end_late(struct conn_loop *l)
{
	struct conn *late[CONN_LATE];
	size_t n = conn_set_expired(&l->world.set, clock_mono(), late);

	for (size_t i = 0; i < n; i++)
		conn_late(&l->world, late[i]);
}

/*
 * Wait up to ms for events, and handle them; every signal arrives here. New
 * connections come last: a worker that is idle may have taken them by then.
 */
static bool
turn(struct conn_loop *l, int ms)
{
	struct conn_world *w = &l->world;
	struct epoll_event ev[EVENTS];
	bool new = false;
	int n;

	w->kept = false;
	n = epoll_pwait(w->shift->poll_fd, ev, EVENTS, ms,
	    &w->shift->waiting);

	for (int i = 0; i < n; i++)
		if (ev[i].data.ptr)
			conn_event(w, ev[i].data.ptr, ev[i].events);
		else
			new = true;
	if (new)
		take_some(l);
	end_late(l);
	conn_set_bury(&w->set);
	return n > 0;
}

static int
wait_time(const struct conn_loop *l)
{
	int idle = worker_shift_wait(l->world.shift);
	int next = conn_set_wait(&l->world.set, clock_mono());

	return next >= 0 && (idle < 0 || next < idle) ? next : idle;
}

/* Take nothing new; requests that are on their way have time to end. */
static void
leave(struct conn_loop *l)
{
	struct conn_world *w = &l->world;
	int64_t until = clock_mono() + LEAVE_TIME, left;

	worker_shift_leave(w->shift);
	w->leaving = true;
	while (w->set.idle.oldest)
		conn_retire(w, w->set.idle.oldest);
	while (w->set.nactive > 0 && (left = until - clock_mono()) > 0) {
		int next = wait_time(l), ms = (int)(left / CLOCK_MS) + 1;

		turn(l, next >= 0 && next < ms ? next : ms);
	}
}

void
conn_loop_run(struct worker_shift *s)
{
	struct conn_loop l = { .world.shift = s, .at_once = 1 };

	conn_set_open(&l.world.set, s->poll_fd, s->descriptors);
	while (!worker_shift_over(s) && !l.closed)
		if (!turn(&l, wait_time(&l)))
			worker_shift_rest(s);
	leave(&l);
	conn_set_close(&l.world.set);
	fcgi_out_free(&l.world.spare);
}
