#include "web/worker/worker_libfcgi.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "web/worker/hold.h"

#define FIRST_MS 5000	 /* for the first bytes of a new connection */
#define KEPT_MS 300	 /* for more bytes of a kept connection */
#define SOON_MS 1	 /* the worker itself waits so for first bytes, */
#define SOON_HELD 16	 /* unless more connections than this are held */
#define LEAVE_TIME (5 * CLOCK_SECOND) /* for held connections at the end */
#define SIGNALS_EVERY 16 /* connections without a wait in between */

struct worker {
	struct worker_shift *s;
	struct fcgi *fcgi;
	struct hold *hold;
	int64_t leave_at; /* 0: the worker still takes new work */
};

/* True: the request went to the heavy lane. *full: the lane had no room. */
static bool
passed_on(struct worker *w, const struct held_request *r, bool *full)
{
	const struct worker_hooks *h = w->s->o->hooks;

	if (w->s->o->kind != WORKER_LIGHT || r->late ||
	    !h->heavy(h->obj, w->s->arena, &r->seen))
		return false;
	if (!lane_give(w->s->o->lane, &r->rq)) {
		*full = true;
		return false;
	}
	close(r->rq.conn);
	if (r->rq.bytes >= 0)
		close(r->rq.bytes);
	return true;
}

/* Answer; if the peer is slow, the hold does the rest. */
static void
serve_request(struct worker *w, const struct fcgi_request *rq, enum err err,
    bool full)
{
	struct exchange x = { .arena = w->s->arena, .err = err,
		.lane_full = full };
	const struct worker_hooks *h = w->s->o->hooks;
	struct fcgi_rest rest = transport_libfcgi_serve(w->fcgi, rq, &x,
	    h->serve, h->obj);

	worker_shift_count(w->s);
	if (rest.unsent.n || rest.then == FCGI_DRAIN)
		hold_rest(w->hold, rq->conn, rest);
	else if (rest.then == FCGI_KEEP && !w->leave_at)
		hold_request(w->hold, rq->conn, KEPT_MS);
	else if (rest.then != FCGI_GONE)
		close(rq->conn);
}

/* Serve a request that is all there, or pass it on. */
static void
serve_held(struct worker *w, const struct held_request *r)
{
	bool full = false;

	if (!passed_on(w, r, &full))
		serve_request(w, &r->rq, r->late ? E_TIMEOUT : E_OK, full);
}

/* The bytes of a new connection are mostly there, or come in a moment. */
static bool
look_at_request(struct worker *w, int conn, struct held_request *r)
{
	struct pollfd p = { .fd = conn, .events = POLLIN };

	if (hold_look(w->hold, conn, w->s->arena, r))
		return true;
	if (errno != EAGAIN || r->seen.n || hold_count(w->hold) > SOON_HELD)
		return false;
	poll(&p, 1, SOON_MS);
	return hold_look(w->hold, conn, w->s->arena, r);
}

static void
meet(struct worker *w, int conn)
{
	struct held_request r;

	if (look_at_request(w, conn, &r))
		serve_held(w, &r);
	else if (errno == EAGAIN)
		hold_request(w->hold, conn, FIRST_MS);
	else
		close(conn);
}

/* Wait up to ms for work; every signal arrives here. True: there is work. */
static bool
wait_for_request(struct worker *w, int ms)
{
	struct epoll_event ev = { 0 };
	struct held_request r;
	int n = epoll_pwait(w->s->poll_fd, &ev, 1, ms, &w->s->waiting);

	if (n > 0 && ev.data.ptr &&
	    hold_event(w->hold, w->s->arena, &ev, &r))
		serve_held(w, &r);
	arena_reset(w->s->arena);
	return n > 0;
}

/* Serve or drop the held connections whose time is over. */
static void
expire_held(struct worker *w)
{
	struct held_request r;

	while (hold_wait(w->hold) == 0) {
		if (hold_expired(w->hold, w->s->arena, &r))
			serve_held(w, &r);
		arena_reset(w->s->arena);
	}
}

static enum lane_state
accept_one(struct worker *w)
{
	int conn;
	enum lane_state state = worker_shift_accept(w->s, &conn);

	if (state == LANE_TAKEN)
		meet(w, conn);
	return state;
}

/* Take the next connection or request; serve it if it is all there. */
static enum lane_state
take_request(struct worker *w)
{
	struct fcgi_request rq;
	enum lane_state state;
	bool late;

	if (w->s->o->kind == WORKER_HEAVY) {
		state = lane_take(w->s->o->lane, &rq, &late);
		if (state == LANE_TAKEN)
			serve_request(w, &rq, E_OK, late);
	} else {
		state = accept_one(w);
	}
	arena_reset(w->s->arena);
	return state;
}

/* Wait for work. */
static void
rest(struct worker *w)
{
	int idle = worker_shift_wait(w->s), held = hold_wait(w->hold);
	bool sooner = held >= 0 && (idle < 0 || held < idle);

	if (wait_for_request(w, sooner ? held : idle))
		return;
	expire_held(w);
	worker_shift_rest(w->s);
}

/* Take nothing new; give the held connections time to finish. */
static void
leave_listening(struct worker *w)
{
	int64_t left;

	w->leave_at = clock_mono() + LEAVE_TIME;
	worker_shift_leave(w->s);
	while (hold_count(w->hold) > 0 &&
	    (left = w->leave_at - clock_mono()) > 0) {
		int held = hold_wait(w->hold), ms = (int)(left / CLOCK_MS) + 1;

		wait_for_request(w, held < ms ? held : ms);
		expire_held(w);
	}
}

static void
worker_loop(struct worker *w)
{
	enum lane_state state;
	bool ask = false;
	unsigned long taken = 0;

	/*
	 * When connections queue up, taking the next one costs less than
	 * asking first whether there is one; when they come singly, asking
	 * first costs less. Now and then the loop tries again which holds.
	 */
	for (;;) {
		if (ask)
			rest(w);
		if (worker_shift_over(w->s))
			break;
		state = take_request(w);
		if (state == LANE_CLOSED)
			break;
		if (state == LANE_EMPTY) {
			ask = true;
			continue;
		}
		if (++taken % SIGNALS_EVERY == 0) {
			wait_for_request(w, 0);
			expire_held(w);
			ask = false;
		}
	}
	leave_listening(w);
}

bool
worker_libfcgi_run(struct worker_shift *s)
{
	struct worker w = { .s = s, .fcgi = transport_libfcgi_new() };

	if (w.fcgi == NULL) {
		log_error("libfcgi cannot start");
		return false;
	}
	w.hold = hold_new(s->poll_fd);
	worker_loop(&w);
	hold_free(&w.hold);
	transport_libfcgi_free(&w.fcgi);
	return true;
}
