#include "grpc/h2/h2_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "grpc/h2/h2_conn.h"
#include "runtime/metric.h"

#define EVENTS 32
#define AT_ONCE 16
#define TICK (CLOCK_SECOND / 10)
#define IDLE_TICK CLOCK_SECOND
#define NOTICE (CLOCK_SECOND / 2)     /* for a GOAWAY to arrive */
#define LEAVE_TIME (9 * CLOCK_SECOND) /* the master waits for ten */

struct h2_loop {
	struct worker_shift *shift;
	const struct h2_server *server;
	struct h2_tls_server *tls;
	struct h2_conn *all;
	size_t n, most;
	bool closed, full; /* the listening socket; it is not watched */
	int64_t ticked;
};

/* Ask epoll for what the connection waits for. */
static void
watch(struct h2_loop *l, struct h2_conn *c)
{
	unsigned events = h2_conn_wants(c);
	struct epoll_event ev = { .events = events, .data.ptr = c };
	int op = c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (c->dead || events == c->watched)
		return;
	if (epoll_ctl(l->shift->poll_fd, op, c->fd, &ev) < 0) {
		log_error("epoll", log_c("error", strerror(errno)));
		c->dead = true;
	}
	c->watched = events;
}

static void
bury(struct h2_loop *l)
{
	struct h2_conn **at = &l->all, *c;

	while ((c = *at) != NULL) {
		if (!c->dead) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		l->n--;
		h2_conn_free(c);
	}
	if (l->full && l->n < l->most) {
		l->full = false;
		worker_shift_requeue(l->shift);
	}
}

/* Make room: who has waited longest with nothing to do. */
static bool
drop_idle(struct h2_loop *l)
{
	struct h2_conn *oldest = NULL;

	for (struct h2_conn *c = l->all; c; c = c->next)
		if (!c->dead && h2_conn_idle(c) &&
		    (oldest == NULL || c->busy_at < oldest->busy_at))
			oldest = c;
	if (oldest)
		oldest->dead = true;
	return oldest != NULL;
}

static void
meet(struct h2_loop *l, int fd)
{
	struct h2_conn *c;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    (c = h2_conn_new(fd, l->server, l->tls)) == NULL)
		return;
	c->next = l->all;
	l->all = c;
	l->n++;
	h2_conn_event(c);
	watch(l, c);
}

static void
accept_some(struct h2_loop *l)
{
	int fd;

	for (int i = 0; i < AT_ONCE; i++) {
		if (l->n >= l->most && !drop_idle(l)) {
			metric_add(METRIC_GRPC_FULL);
			l->full = true;
			worker_shift_leave(l->shift);
			return;
		}
		switch (worker_shift_accept(l->shift, &fd)) {
		case LANE_TAKEN:
			meet(l, fd);
			bury(l);
			continue;
		case LANE_CLOSED:
			l->closed = true;
			return;
		case LANE_EMPTY:
			return;
		}
	}
}

static bool
any_ready(const struct h2_loop *l)
{
	for (const struct h2_conn *c = l->all; c; c = c->next)
		if (h2_conn_ready(c))
			return true;
	return false;
}

/* One call of each connection. */
static void
serve_round(struct h2_loop *l)
{
	for (struct h2_conn *c = l->all; c; c = c->next) {
		if (h2_conn_serve(c))
			worker_shift_count(l->shift);
		watch(l, c);
	}
}

static void
tick(struct h2_loop *l)
{
	int64_t now = clock_mono();

	if (now - l->ticked < TICK)
		return;
	l->ticked = now;
	for (struct h2_conn *c = l->all; c; c = c->next) {
		h2_conn_tick(c, now);
		watch(l, c);
	}
}

static bool
any_busy(const struct h2_loop *l)
{
	for (const struct h2_conn *c = l->all; c; c = c->next)
		if (!h2_conn_idle(c) || c->said_bye)
			return true;
	return false;
}

/* The most ms to wait: until something may be late. */
static int
wait_time(const struct h2_loop *l)
{
	int ms = worker_shift_wait(l->shift), own;

	if (any_ready(l))
		return 0;
	if (l->all == NULL)
		return ms;
	own = (int)((any_busy(l) ? TICK : IDLE_TICK) / CLOCK_MS);
	return ms < 0 || own < ms ? own : ms;
}

/*
 * Wait for events and handle them, then serve. Every signal arrives here. What
 * is dropped is freed at the end, for events on their way.
 */
static bool
turn(struct h2_loop *l, int ms)
{
	struct epoll_event ev[EVENTS];
	bool new = false;
	int n = epoll_pwait(l->shift->poll_fd, ev, EVENTS, ms,
	    &l->shift->waiting);

	for (int i = 0; i < n; i++) {
		if (ev[i].data.ptr == NULL) {
			new = true;
			continue;
		}
		h2_conn_event(ev[i].data.ptr);
		watch(l, ev[i].data.ptr);
	}
	serve_round(l);
	tick(l);
	bury(l);
	if (new)
		accept_some(l);
	return n > 0;
}

static void
tell_all(struct h2_loop *l, bool last)
{
	for (struct h2_conn *c = l->all; c; c = c->next) {
		h2_conn_leave(c, last);
		watch(l, c);
	}
}

static void
turn_until(struct h2_loop *l, int64_t until)
{
	int64_t left;

	while (l->all && (left = until - clock_mono()) > 0) {
		int next = wait_time(l), ms = (int)(left / CLOCK_MS) + 1;

		turn(l, next >= 0 && next < ms ? next : ms);
	}
}

/* Streams that peers open until they hear of the end are served too. */
static void
leave(struct h2_loop *l)
{
	int64_t now = clock_mono();

	worker_shift_leave(l->shift);
	l->full = false;
	tell_all(l, false);
	turn_until(l, now + NOTICE);
	tell_all(l, true);
	turn_until(l, now + LEAVE_TIME);
}

void
h2_loop_run(struct worker_shift *s, const struct h2_server *server,
    struct h2_tls_server *tls, size_t most)
{
	struct h2_loop l = { .shift = s, .server = server, .tls = tls,
		.most = most < s->descriptors ? most : s->descriptors };

	while (!worker_shift_over(s) && !l.closed)
		if (!turn(&l, wait_time(&l)))
			worker_shift_rest(s);
	leave(&l);
	while (l.all) {
		l.all->dead = true;
		bury(&l);
	}
}
