#include "web/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "web/hold.h"
#include "web/listen.h"

#define FIRST_MS 5000	 /* for the first bytes of a new connection */
#define KEPT_MS 300	 /* for more bytes of a kept connection */
#define SOON_MS 1	 /* the worker itself waits so for first bytes, */
#define SOON_HELD 16	 /* unless more connections than this are held */
#define LEAVE_TIME (5 * CLOCK_SECOND) /* for held connections at the end */
#define IDLE_MS 1000
#define SIGNALS_EVERY 16 /* connections without a wait in between */
#define RSS_EVERY 1024

static volatile sig_atomic_t ending;

static void
on_end(int sig)
{
	(void)sig;
	ending = 1;
}

struct worker {
	const struct worker_options *o;
	struct fcgi *fcgi;
	struct arena *arena;
	struct hold *hold;
	int poll_fd;
	int source; /* where work comes from: listen_fd or the lane */
	sigset_t waiting; /* signal mask while waiting */
	long served;
	long last; /* the worker ends when it has served so many */
	bool idle_told;
	int64_t served_at; /* monotonic µs of the last request */
	int64_t leave_at; /* 0: the worker still takes new work */
};

/* Handlers of ours, set before FCGX_Init, keep libfcgi from setting its own. */
static void
take_signals(struct worker *w)
{
	struct sigaction end = { .sa_handler = on_end };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t block;

	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGUSR1, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, &w->waiting);
	sigdelset(&w->waiting, SIGTERM);
	sigdelset(&w->waiting, SIGUSR1);
	sigdelset(&w->waiting, SIGCHLD);
}

static bool
open_worker(struct worker *w)
{
	/* Only one of several waiting workers wakes up for a connection. */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	w->source = w->o->kind == WORKER_HEAVY ? w->o->lane->take :
						 w->o->listen_fd;
	w->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->fcgi = transport_fcgi_new();
	if (w->poll_fd < 0 || w->fcgi == NULL ||
	    epoll_ctl(w->poll_fd, EPOLL_CTL_ADD, w->source, &ev) < 0) {
		log_error("worker cannot start", log_c("error",
		    strerror(errno)));
		return false;
	}
	w->hold = hold_new(w->poll_fd);
	w->arena = arena_new(LIMIT_ARENA);
	return true;
}

/* Workers that started together should not all end together. */
static long
jittered(long n)
{
	unsigned seed = (unsigned)getpid() * 2654435761u;
	long spread = n / 10;

	if (n <= 0)
		return 0;
	return n - spread + (spread ? (long)(seed % (2 * spread + 1)) : 0);
}

static size_t
resident_kib(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Has this worker served its time? */
static bool
worn_out(const struct worker *w)
{
	if (w->last && w->served >= w->last)
		return true;
	return w->o->max_rss && w->served % RSS_EVERY == 0 && w->served &&
	    resident_kib() > w->o->max_rss;
}

/* True: the request went to the heavy lane. *full: the lane had no room. */
static bool
passed_on(struct worker *w, const struct held_request *r, bool *full)
{
	const struct worker_hooks *h = w->o->hooks;

	if (w->o->kind != WORKER_LIGHT || r->late ||
	    !h->heavy(h->obj, w->arena, &r->seen))
		return false;
	if (!lane_give(w->o->lane, &r->rq)) {
		*full = true;
		return false;
	}
	close(r->rq.conn);
	if (r->rq.bytes >= 0)
		close(r->rq.bytes);
	return true;
}

static void
count_request(struct worker *w)
{
	w->served++;
	w->served_at = clock_mono();
	w->idle_told = false;
	if (w->o->requests)
		atomic_fetch_add_explicit(w->o->requests, 1,
		    memory_order_relaxed);
	if (w->o->light_at && w->o->kind == WORKER_LIGHT)
		atomic_store_explicit(w->o->light_at, w->served_at,
		    memory_order_relaxed);
}

/* Answer; if the peer is slow, the hold does the rest. */
static void
serve_request(struct worker *w, const struct fcgi_request *rq, enum err err,
    bool full)
{
	struct exchange x = { .arena = w->arena, .err = err,
		.lane_full = full };
	const struct worker_hooks *h = w->o->hooks;
	struct fcgi_rest rest = transport_fcgi_serve(w->fcgi, rq, &x,
	    h->serve, h->obj);

	count_request(w);
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

	if (hold_look(w->hold, conn, w->arena, r))
		return true;
	if (errno != EAGAIN || r->seen.n || hold_count(w->hold) > SOON_HELD)
		return false;
	poll(&p, 1, SOON_MS);
	return hold_look(w->hold, conn, w->arena, r);
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
	int n = epoll_pwait(w->poll_fd, &ev, 1, ms, &w->waiting);

	if (n > 0 && ev.data.ptr &&
	    hold_event(w->hold, w->arena, &ev, &r))
		serve_held(w, &r);
	arena_reset(w->arena);
	return n > 0;
}

/* Serve or drop the held connections whose time is over. */
static void
expire_held(struct worker *w)
{
	struct held_request r;

	while (hold_wait(w->hold) == 0) {
		if (hold_expired(w->hold, w->arena, &r))
			serve_held(w, &r);
		arena_reset(w->arena);
	}
}

static enum lane_state
accept_one(struct worker *w)
{
	int conn = listen_accept(w->source);

	if (conn >= 0) {
		meet(w, conn);
		return LANE_TAKEN;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return LANE_EMPTY;
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
	    errno == ENOBUFS) {
		log_error("accept", log_c("error", strerror(errno)));
		poll(NULL, 0, 100);
		return LANE_EMPTY;
	}
	log_error("the listening socket broke", log_c("error",
	    strerror(errno)));
	return LANE_CLOSED;
}

/* Take the next connection or request; serve it if it is all there. */
static enum lane_state
take_request(struct worker *w)
{
	struct fcgi_request rq;
	enum lane_state state;
	bool late;

	if (w->o->kind == WORKER_HEAVY) {
		state = lane_take(w->o->lane, &rq, &late);
		if (state == LANE_TAKEN)
			serve_request(w, &rq, E_OK, late);
	} else {
		state = accept_one(w);
	}
	arena_reset(w->arena);
	return state;
}

/* Wait; a worker with nothing to do for a while gives memory back. */
static void
rest(struct worker *w)
{
	const struct worker_hooks *h = w->o->hooks;
	int idle = w->idle_told ? -1 : IDLE_MS, held = hold_wait(w->hold);
	bool sooner = held >= 0 && (idle < 0 || held < idle);

	if (wait_for_request(w, sooner ? held : idle) || ending)
		return;
	expire_held(w);
	if (w->idle_told || clock_mono() - w->served_at < IDLE_MS * CLOCK_MS)
		return;
	if (h->idle)
		h->idle(h->obj);
	w->idle_told = true;
}

/*
 * A heavy worker that is told to end stays until no light worker is left that
 * could pass on a request: nobody else would take the request.
 */
static bool
must_end(const struct worker *w)
{
	return (ending && w->o->kind != WORKER_HEAVY) || worn_out(w);
}

/* Take nothing new; give the held connections time to finish. */
static void
leave_listening(struct worker *w)
{
	int64_t left;

	w->leave_at = clock_mono() + LEAVE_TIME;
	epoll_ctl(w->poll_fd, EPOLL_CTL_DEL, w->source, NULL);
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
		if (must_end(w))
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

int
worker_run(const struct worker_options *o)
{
	struct worker w = { .o = o, .last = jittered(o->max_requests) };
	const struct worker_hooks *h = o->hooks;

	take_signals(&w);
	if (!open_worker(&w)) {
		transport_fcgi_free(&w.fcgi);
		return 70; /* EX_SOFTWARE */
	}
	if (h->start)
		h->start(h->obj);
	if (o->ready_fd >= 0 && write(o->ready_fd, "+", 1) < 0)
		log_warn("master does not listen");
	worker_loop(&w);
	if (h->stop)
		h->stop(h->obj);
	arena_free(&w.arena);
	hold_free(&w.hold);
	transport_fcgi_free(&w.fcgi);
	close(w.poll_fd);
	return 0;
}
