#include "app/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "app/listen.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/transport_fcgi.h"

#define FIRST_BYTE_MS 2000 /* a peer that connects and says nothing */
#define KEPT_MS 300	   /* a kept connection must not pin a worker */
#define IDLE_MS 1000
#define SIGNALS_EVERY 16   /* requests without a wait in between */
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
	struct peek *peek;
	int poll_fd;
	int source; /* what is waited for: listen_fd or the lane */
	sigset_t waiting; /* signal mask while waiting */
	long served;
	long last; /* served at which it ends */
	bool idle_told;
};

/* An own handler before FCGX_Init keeps libfcgi's away. */
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

/* Wait for work up to ms; every signal arrives in here. */
static bool
wait_for_work(struct worker *w, int ms)
{
	struct epoll_event ev;

	return epoll_pwait(w->poll_fd, &ev, 1, ms, &w->waiting) > 0;
}

static bool
open_worker(struct worker *w)
{
	/* Only one of several waiting workers wakes up for a connection. */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	w->source = w->o->kind == WORKER_HEAVY ? w->o->lane->take :
						 w->o->listen_fd;
	w->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->peek = calloc(1, sizeof(*w->peek));
	w->fcgi = transport_fcgi_new();
	if (w->poll_fd < 0 || w->peek == NULL || w->fcgi == NULL ||
	    epoll_ctl(w->poll_fd, EPOLL_CTL_ADD, w->source, &ev) < 0) {
		log_error("worker cannot start", log_c("error",
		    strerror(errno)));
		return false;
	}
	w->arena = arena_new(LIMIT_ARENA);
	return true;
}

/* Workers that were born together should not all end together. */
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
resident(void)
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
	    resident() > w->o->max_rss;
}

/* True when the request went to the heavy lane; *full: it had no room. */
static bool
passed_on(struct worker *w, int conn, bool *full)
{
	const struct worker_hooks *h = w->o->hooks;

	if (w->o->kind != WORKER_LIGHT || w->peek->uri.n == 0 ||
	    !h->heavy(h->obj, w->peek->method, w->peek->uri))
		return false;
	if (!lane_give(w->o->lane, conn)) {
		*full = true;
		return false;
	}
	close(conn);
	return true;
}

/* One request on the connection; false: the connection is done with. */
static bool
serve_request(struct worker *w, int conn, bool full)
{
	struct exchange x = { .arena = w->arena, .lane_full = full };
	const struct worker_hooks *h = w->o->hooks;
	bool kept;

	kept = transport_fcgi_serve(w->fcgi, conn, w->peek, &x, h->serve,
	    h->obj);
	arena_reset(w->arena);
	w->served++;
	w->idle_told = false;
	if (w->o->requests)
		atomic_fetch_add_explicit(w->o->requests, 1,
		    memory_order_relaxed);
	if (w->o->light_at && w->o->kind == WORKER_LIGHT)
		atomic_store_explicit(w->o->light_at, clock_mono(),
		    memory_order_relaxed);
	return kept;
}

/* Serve what comes over one connection. */
static void
serve_connection(struct worker *w, int conn, bool late)
{
	int wait = FIRST_BYTE_MS;
	bool full = late;

	for (;;) {
		if (!transport_fcgi_peek(conn, wait, w->peek))
			break;
		if (passed_on(w, conn, &full))
			return;
		if (!serve_request(w, conn, full))
			return;
		full = false;
		wait = KEPT_MS;
		wait_for_work(w, 0);
		if (ending || worn_out(w))
			break;
	}
	close(conn);
}

/* A connection, or LANE_EMPTY, or LANE_CLOSED. */
static int
take(struct worker *w, bool *late)
{
	int conn;

	*late = false;
	if (w->o->kind == WORKER_HEAVY)
		return lane_take(w->o->lane, late);
	conn = listen_accept(w->source);
	if (conn >= 0)
		return conn;
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

/* Wait; whoever has nothing to do for a while gives memory back. */
static void
rest(struct worker *w)
{
	const struct worker_hooks *h = w->o->hooks;

	if (wait_for_work(w, w->idle_told ? -1 : IDLE_MS) || ending)
		return;
	if (!w->idle_told && h->idle)
		h->idle(h->obj);
	w->idle_told = true;
}

/*
 * A heavy worker that is told to end stays until no light worker is left who
 * could pass a request on: nobody else would take it.
 */
static bool
must_end(const struct worker *w)
{
	return (ending && w->o->kind != WORKER_HEAVY) || worn_out(w);
}

static void
loop(struct worker *w)
{
	bool late, ask = false;
	int conn;

	/*
	 * Where connections queue up, taking the next costs less than asking
	 * first whether there is one; where they come singly it is the other
	 * way round. Which of the two it is, is tried now and then.
	 */
	for (;;) {
		if (ask)
			rest(w);
		if (must_end(w))
			break;
		conn = take(w, &late);
		if (conn == LANE_CLOSED)
			break;
		if (conn == LANE_EMPTY) {
			ask = true;
			continue;
		}
		serve_connection(w, conn, late);
		if (w->served % SIGNALS_EVERY == 0) {
			wait_for_work(w, 0);
			ask = false;
		}
	}
}

int
worker_run(const struct worker_options *o)
{
	struct worker w = { .o = o, .last = jittered(o->max_requests) };
	const struct worker_hooks *h = o->hooks;

	take_signals(&w);
	if (!open_worker(&w))
		return 70; /* EX_SOFTWARE */
	if (h->start)
		h->start(h->obj);
	if (o->ready_fd >= 0 && write(o->ready_fd, "+", 1) < 0)
		log_warn("master does not listen");
	loop(&w);
	if (h->stop)
		h->stop(h->obj);
	arena_free(&w.arena);
	transport_fcgi_free(&w.fcgi);
	free(w.peek);
	close(w.poll_fd);
	return 0;
}
