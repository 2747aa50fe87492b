#include "web/worker/conn.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "http/transport/transport_fcgi.h"
#include "web/worker/conn_relay.h"

#define STALL (5 * CLOCK_SECOND)   /* before each piece, either way */
#define WHOLE (20 * CLOCK_SECOND)  /* for all of a request, or its answer */
#define KEPT (75 * CLOCK_SECOND)   /* longer than nginx keeps: it closes */
#define HEAVY (60 * CLOCK_SECOND)  /* for a heavy worker */
#define DRAIN (5 * CLOCK_SECOND)   /* for the rest of a refused body */
#define UPLOAD (60 * CLOCK_SECOND) /* for all of a request with a picture */
#define SPARE (64u << 10)

/* The answer is all in c->out. */
static void
end_request(struct conn_world *w, struct conn *c)
{
	c->ending |= !c->in.keep || w->leaving;
	c->met = true;
	c->unread = !c->in.whole && c->in.role == ROLE_RESPONDER;
	c->judged = c->in_record = false;
	c->idle_bytes = 0;
	c->last = 0;
	fcgi_input_done(&c->in);
}

/* Answer here and now, into the memory of the answer before. */
static void
serve(struct conn_world *w, struct conn *c, enum err e, bool full)
{
	struct worker_shift *s = w->shift;
	struct exchange x = { .arena = s->arena, .err = e, .lane_full = full };

	w->spare.fd = c->fd;
	w->spare.until = 0;
	transport_fcgi_serve(&c->in, &w->spare, &x, s->o->hooks->serve,
	    s->o->hooks->obj);
	arena_reset(s->arena);
	worker_shift_count(s);
	fcgi_out_free(&c->out); /* of a reply, or an answer, before it */
	c->out = w->spare;
	w->spare = (struct fcgi_out){ 0 };
	if (!fcgi_out_pending(&c->out) && c->out.room <= SPARE) {
		w->spare = c->out;
		w->spare.broken = false;
		c->out.p = NULL;
		c->out.room = 0;
	}
	end_request(w, c);
}

static bool
is_heavy(struct conn_world *w, const struct conn *c)
{
	const struct worker_options *o = w->shift->o;
	const struct fcgi_peek seen = transport_fcgi_look(&c->in);
	bool heavy = o->hooks->heavy(o->hooks->obj, w->shift->arena, &seen);

	arena_reset(w->shift->arena);
	return heavy;
}

/* Was the request aborted while it waited in the lane? Then hash for nobody. */
static bool
given_up(const struct conn *c)
{
	struct pollfd p = { .fd = c->fd };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

/*
 * One that is kept is work for a long time: the next one is another worker's.
 * That is so before the answer is sent, after which the next one may come.
 */
static void
spread(struct conn_world *w, const struct conn *c)
{
	if (c->met || !c->in.keep || w->leaving)
		return;
	w->kept = true;
	worker_shift_requeue(w->shift);
}

/* A request is there: answer it, or have a heavy worker do that. */
static void
on_request(struct conn_world *w, struct conn *c)
{
	enum worker_kind kind = w->shift->o->kind;
	bool full = c->late;

	spread(w, c);
	if (kind == WORKER_HEAVY && given_up(c)) {
		c->out.broken = true;
		return;
	}
	if (kind == WORKER_LIGHT && c->in.whole && is_heavy(w, c)) {
		c->relay = conn_relay_open(&c->in, w->shift->o->lane);
		full = c->relay < 0;
	}
	c->scan = (struct fcgi_scan){ 0 };
	if (c->relay < 0)
		serve(w, c, E_OK, full);
}

/* The peer gave up what a heavy worker was asked for. */
static void
on_abort(struct conn_world *w, struct conn *c)
{
	conn_set_unrelay(c);
	fcgi_out_end(&c->out, c->in.id);
	end_request(w, c);
}

static void
on_reply(struct conn *c)
{
	fcgi_out_bytes(&c->out, (struct str){ (char *)c->in.reply,
		c->in.nreply });
	c->ending |= c->in.last;
	fcgi_out_push(&c->out);
}

/* Bytes for the next turn, or for when the peer has taken its answer. */
static void
keep_rest(struct conn *c, struct str bytes)
{
	if (bytes.n == 0 || c->ending)
		return;
	c->rest = memory_new("bytes of a request", 1, bytes.n);
	memcpy(c->rest, bytes.p, bytes.n);
	c->nrest = bytes.n;
}

/* One event a turn: who sends many requests in one piece holds up nobody. */
static void
on_bytes(struct conn_world *w, struct conn *c, struct str bytes)
{
	if (bytes.n == 0 || c->ending || c->out.broken)
		return;
	switch (fcgi_input_take(&c->in, &bytes)) {
	case FCGI_MORE:
		return;
	case FCGI_REPLY:
		on_reply(c);
		break;
	case FCGI_REQUEST:
		on_request(w, c);
		break;
	case FCGI_ABORT:
		on_abort(w, c);
		break;
	case FCGI_BROKEN:
		c->out.broken = true;
	}
	keep_rest(c, bytes);
}

/* Is a request, or a part of one that nobody wants, on its way? */
static bool
in_request(const struct conn *c)
{
	return !c->met || c->in.state != FCGI_NONE || c->in.nhead > 0;
}

/* How many of all requests have a body that may be large. */
static size_t
count_uploads(const struct conn_world *w)
{
	size_t n = 0;

	for (const struct conn *c = w->set.active.oldest; c; c = c->newer)
		n += c->in.most > LIMIT_BODY_JSON;
	return n;
}

/*
 * How much of its body will be read. A large one has longer to come, and
 * there are few at once: memory for more would be other requests'. False: that
 * many are there.
 */
static bool
allow_body(struct conn_world *w, struct conn *c, const struct fcgi_peek *seen)
{
	const struct worker_hooks *h = w->shift->o->hooks;
	size_t most = h->body ? h->body(h->obj, w->shift->arena, seen) :
	    LIMIT_BODY_JSON;
	bool small = seen->length.n && !fcgi_peek_too_long(seen,
	    LIMIT_BODY_JSON);

	arena_reset(w->shift->arena);
	if (small || most <= LIMIT_BODY_JSON)
		return true;
	if (count_uploads(w) >= LIMIT_UPLOADS)
		return false;
	c->in.most = most;
	c->last = clock_mono() + UPLOAD;
	return true;
}

/* A body that is too large by its length need not be waited for. */
static void
judge_body(struct conn_world *w, struct conn *c)
{
	struct fcgi_peek seen;
	bool room;

	if (c->in.state != FCGI_BODY || c->judged ||
	    fcgi_out_pending(&c->out))
		return;
	c->judged = true;
	seen = transport_fcgi_look(&c->in);
	room = allow_body(w, c, &seen);
	if (room && !fcgi_peek_too_long(&seen, c->in.most))
		return;
	fcgi_input_enough(&c->in);
	serve(w, c, E_OK, c->late || !room);
}

/* Is there something to send, or to do, before more is read? */
static bool
is_behind(const struct conn *c)
{
	return fcgi_out_pending(&c->out) || c->nrest > 0;
}

/* What happens to it next. */
static enum conn_state
next_state(const struct conn *c)
{
	if (c->relay >= 0)
		return CONN_HEAVY;
	if (is_behind(c))
		return CONN_ANSWER;
	if (c->ending)
		return c->unread ? CONN_DRAIN : CONN_DEAD;
	return in_request(c) ? CONN_REQUEST : CONN_IDLE;
}

static void
enter_state(struct conn_world *w, struct conn *c, enum conn_state next)
{
	static const int64_t stall[] = { [CONN_IDLE] = KEPT,
		[CONN_REQUEST] = STALL, [CONN_HEAVY] = HEAVY,
		[CONN_ANSWER] = STALL, [CONN_DRAIN] = DRAIN };
	int64_t now = clock_mono(), until = now + stall[next];

	if (next == CONN_REQUEST || next == CONN_ANSWER) {
		if (c->state != next || c->last == 0)
			c->last = now + (c->in.most > LIMIT_BODY_JSON ?
			    UPLOAD : WHOLE);
		until = until < c->last ? until : c->last;
	} else if (next == c->state && next != CONN_IDLE) {
		return; /* its time runs from the beginning */
	}
	if (next == CONN_DRAIN)
		shutdown(c->fd, SHUT_WR);
	conn_set_state(&w->set, c, next, until);
}

static unsigned
wanted_events(const struct conn *c)
{
	if (is_behind(c))
		return EPOLLOUT;
	if (c->state == CONN_HEAVY && (c->half || c->in_record))
		return 0;
	return EPOLLIN | EPOLLRDHUP;
}

/* After whatever happened: drop it, or wait for what comes next. */
static void
settle(struct conn_world *w, struct conn *c)
{
	enum conn_state next = next_state(c);

	if (next == CONN_DEAD || c->out.broken ||
	    c->idle_bytes > LIMIT_DRAIN) {
		conn_set_drop(&w->set, c);
		return;
	}
	enter_state(w, c, next);
	if (!fcgi_out_pending(&c->out))
		fcgi_out_free(&c->out);
	conn_set_keep_bounds(&w->set, c);
	if (conn_set_watch(&w->set, c, false, wanted_events(c)) &&
	    c->relay >= 0)
		conn_set_watch(&w->set, c, true, is_behind(c) ? 0 : EPOLLIN);
}

/* The peer sends no more. */
static void
on_end(struct conn *c)
{
	c->half = true;
	if (c->state != CONN_HEAVY)
		c->out.broken = true;
}

static void
on_readable(struct conn_world *w, struct conn *c)
{
	ssize_t n = recv(c->fd, w->chunk, sizeof(w->chunk), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		on_end(c);
		return;
	}
	c->idle_bytes += c->in.state == FCGI_NONE ? (size_t)n : 0;
	if (c->state != CONN_DRAIN)
		on_bytes(w, c, (struct str){ w->chunk, (size_t)n });
	explicit_bzero(w->chunk, (size_t)n);
	judge_body(w, c);
}

/* A large request that a light worker gathered. */
static void
read_file(struct conn_world *w, struct conn *c, int fd)
{
	ssize_t n;

	while (!c->ending && !c->out.broken &&
	    (n = read(fd, w->chunk, sizeof(w->chunk))) > 0) {
		on_bytes(w, c, (struct str){ w->chunk, (size_t)n });
		explicit_bzero(w->chunk, (size_t)n);
		judge_body(w, c);
	}
}

/* The peer takes more of its answer; then what waited behind that. */
static void
on_writable(struct conn_world *w, struct conn *c)
{
	char *rest = c->rest;
	size_t n = c->nrest;

	fcgi_out_push(&c->out);
	if (fcgi_out_pending(&c->out))
		return;
	c->rest = NULL;
	c->nrest = 0;
	on_bytes(w, c, (struct str){ rest, n });
	memory_free_secret(rest, n);
	judge_body(w, c);
}

static void
on_relay(struct conn_world *w, struct conn *c)
{
	if (c->relay < 0 || is_behind(c))
		return;
	switch (conn_relay_read(c->relay, &c->scan, &c->out)) {
	case RELAY_MORE:
		c->in_record = c->scan.nhead > 0;
		break;
	case RELAY_ENDED:
		conn_set_unrelay(c);
		end_request(w, c);
		break;
	case RELAY_CUT:
		c->out.broken = true;
	}
}

void
conn_meet(struct conn_world *w, int fd, int bytes, bool late)
{
	struct conn *c = conn_set_add(&w->set, fd);

	c->late = late;
	if (bytes >= 0)
		read_file(w, c, bytes);
	else
		on_readable(w, c);
	settle(w, c);
}

void
conn_event(struct conn_world *w, void *data, unsigned events)
{
	bool relay;
	struct conn *c = conn_set_of(data, &relay);

	if (c->state == CONN_DEAD)
		return;
	if (relay)
		on_relay(w, c);
	else if (events & (EPOLLHUP | EPOLLERR))
		c->out.broken = true; /* nobody is left to answer */
	else if (events & EPOLLOUT)
		on_writable(w, c);
	else if (wanted_events(c) & EPOLLIN)
		on_readable(w, c);
	settle(w, c);
}

void
conn_late(struct conn_world *w, struct conn *c)
{
	if (c->state != CONN_REQUEST || c->in.state != FCGI_BODY) {
		conn_set_drop(&w->set, c);
		return;
	}
	fcgi_input_enough(&c->in);
	c->in.keep = false;
	serve(w, c, E_TIMEOUT, false);
	settle(w, c);
}

void
conn_retire(struct conn_world *w, struct conn *c)
{
	shutdown(c->fd, SHUT_RD);
	on_readable(w, c);
	settle(w, c);
}
