#include "web/worker/hold.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"

#define BODY_MS 20000	/* a request that comes in pieces */
#define STALL_MS 5000	/* between two pieces */
#define MOMENT_MS 20	/* for the rest of a short request */
#define ANSWER_MS 20000 /* an answer that the peer takes slowly */
#define DRAIN_MS 5000	/* the rest of a body that was refused */
#define CHUNK (32u << 10)

struct held {
	struct held *older, *newer;
	int fd;
	int64_t until, last; /* when its time is over; last: of a whole BODY */
	/* HEAD: nothing was taken yet, the kernel holds the bytes */
	enum { HEAD, BODY, ANSWER, DRAIN } what;
	enum { NOTHING_ELSE, KEEP, DRAIN_IT } then; /* after ANSWER */
	struct fcgi_peek seen;
	char *p; /* bytes that were taken, or are to be sent from at on */
	size_t n, room;
	size_t at; /* in HEAD: something came; in DRAIN: bytes drained */
};

struct hold {
	int poll_fd;
	struct held *oldest, *newest;
	size_t count, bytes;
	char look[FCGI_PEEK_BYTES];
	char chunk[CHUNK];
};

struct hold *
hold_new(int poll_fd)
{
	struct hold *h = memory_new("held requests", 1, sizeof(*h));

	h->poll_fd = poll_fd;
	return h;
}

size_t
hold_count(const struct hold *h)
{
	return h->count;
}

static void
unlink_held(struct hold *h, struct held *k)
{
	*(k->older ? &k->older->newer : &h->oldest) = k->newer;
	*(k->newer ? &k->newer->older : &h->newest) = k->older;
	h->count--;
	h->bytes -= k->room;
}

static void
forget_held(struct hold *h, struct held *k)
{
	unlink_held(h, k);
	memory_free_secret(k->p, k->n);
	free(k);
}

/*
 * A connection that came through the lane is open in the light worker too until
 * that goes on: closing it here would leave its events, of a k that is gone.
 */
static void
drop_held(struct hold *h, struct held *k)
{
	epoll_ctl(h->poll_fd, EPOLL_CTL_DEL, k->fd, NULL);
	close(k->fd);
	forget_held(h, k);
}

/* Drop the oldest until the bounds hold, but never the newest. */
static void
keep_bounds(struct hold *h)
{
	while (h->count > 1 && (h->count > LIMIT_HELD_CONNECTIONS ||
	    h->bytes > LIMIT_HELD_BYTES))
		drop_held(h, h->oldest);
}

void
hold_free(struct hold **h)
{
	while ((*h)->oldest)
		drop_held(*h, (*h)->oldest);
	free(*h);
	*h = NULL;
}

static bool
watch(struct hold *h, struct held *k, int op)
{
	struct epoll_event ev = { .data.ptr = k };

	ev.events = (k->what == ANSWER ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) |
	    EPOLLET;
	return epoll_ctl(h->poll_fd, op, k->fd, &ev) == 0;
}

static void
add_held(struct hold *h, struct held *k)
{
	k->older = h->newest;
	*(h->newest ? &h->newest->newer : &h->oldest) = k;
	h->newest = k;
	h->count++;
	h->bytes += k->room;
	if (!watch(h, k, EPOLL_CTL_ADD)) {
		log_error("epoll", log_c("error", strerror(errno)));
		drop_held(h, k);
		return;
	}
	keep_bounds(h);
}

static struct held *
make_held(int conn, int what, int ms)
{
	struct held *k = memory_new("a held request", 1, sizeof(*k));

	k->fd = conn;
	k->what = what;
	k->until = clock_mono() + ms * CLOCK_MS;
	return k;
}

void
hold_request(struct hold *h, int conn, int ms)
{
	add_held(h, make_held(conn, HEAD, ms));
}

void
hold_rest(struct hold *h, int conn, struct fcgi_rest rest)
{
	bool drain = rest.then == FCGI_DRAIN;
	struct held *k;

	if (rest.unsent.n == 0) {
		shutdown(conn, SHUT_WR);
		add_held(h, make_held(conn, DRAIN, DRAIN_MS));
		return;
	}
	k = make_held(conn, ANSWER, ANSWER_MS);
	k->then = drain ? DRAIN_IT : rest.then == FCGI_KEEP ? KEEP :
	    NOTHING_ELSE;
	k->p = (char *)(uintptr_t)rest.unsent.p;
	k->n = k->room = rest.unsent.n;
	add_held(h, k);
}

/* What is known of a request outlives its bytes. */
static void
keep_seen(struct arena *a, struct fcgi_peek *seen)
{
	struct str *const strs[] = { &seen->method, &seen->override,
		&seen->uri, &seen->script, &seen->length };

	for (size_t i = 0; i < sizeof(strs) / sizeof(*strs); i++)
		*strs[i] = seen->ready ? arena_str(a, *strs[i]) : STR_NONE;
}

bool
hold_look(struct hold *h, int conn, struct arena *a, struct held_request *out)
{
	ssize_t n = recv(conn, h->look, FCGI_PEEK_BYTES,
	    MSG_PEEK | MSG_DONTWAIT);
	struct str all = { h->look, n > 0 ? (size_t)n : 0 };

	*out = (struct held_request){ .rq = { conn, -1, false, false } };
	if (n <= 0) {
		errno = n < 0 && errno == EINTR ? EAGAIN : n < 0 ? errno : 0;
		return false;
	}
	fcgi_peek_read(&out->seen, a, all);
	keep_seen(a, &out->seen);
	explicit_bzero(h->look, all.n);
	errno = out->seen.refuse ? EPROTO : EAGAIN;
	out->rq.whole = out->seen.whole;
	out->rq.last = out->seen.at < all.n;
	return out->seen.ready && !out->seen.refuse;
}

/* The bytes that were taken, as a file for libfcgi; -1 with errno. */
static int
file_of(const struct held *k)
{
	int fd = memfd_create("request", MFD_CLOEXEC);
	size_t at = 0;
	ssize_t n = 1;

	while (fd >= 0 && at < k->n && n > 0) {
		n = pwrite(fd, k->p + at, k->n - at, (off_t)at);
		at += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0 && at == k->n)
		return fd;
	log_error("a request cannot be kept", log_c("error", strerror(errno)));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Give the connection back to the worker with all bytes that came. */
static bool
hand_over(struct hold *h, struct arena *a, struct held *k,
    struct held_request *out)
{
	*out = (struct held_request){ .seen = k->seen, .rq = { k->fd,
		file_of(k), k->seen.whole, k->seen.at < k->n } };
	if (out->rq.bytes < 0) {
		drop_held(h, k);
		return false;
	}
	keep_seen(a, &out->seen);
	epoll_ctl(h->poll_fd, EPOLL_CTL_DEL, k->fd, NULL);
	forget_held(h, k);
	return true;
}

static bool
grow(struct hold *h, struct held *k, size_t n)
{
	size_t room = k->room;

	while (room - k->n < n)
		room = room ? room * 2 : CHUNK;
	if (room == k->room)
		return true;
	if (room > LIMIT_REQUEST)
		return false;
	h->bytes += room - k->room;
	k->p = memory_grow_secret("a request", k->p, k->n, room);
	k->room = room;
	return true;
}

/* Take the bytes that came. False: no more will come, or none of any use. */
static bool
take_bytes(struct hold *h, struct held *k, struct arena *a)
{
	ssize_t n;

	for (;;) {
		n = recv(k->fd, h->chunk, CHUNK, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (!grow(h, k, (size_t)n))
			return false;
		memcpy(k->p + k->n, h->chunk, (size_t)n);
		explicit_bzero(h->chunk, (size_t)n);
		k->n += (size_t)n;
		fcgi_peek_read(&k->seen, a, (struct str){ k->p, k->n });
		if (k->seen.refuse || k->seen.ready)
			return !k->seen.refuse;
	}
}

/* More of a request came; take it from the kernel. */
static bool
on_body(struct hold *h, struct arena *a, struct held *k,
    struct held_request *out)
{
	bool more = take_bytes(h, k, a);
	int64_t stall = clock_mono() + STALL_MS * CLOCK_MS;

	k->until = stall < k->last ? stall : k->last;
	if (k->seen.ready || (!more && k->seen.head && !k->seen.refuse))
		return hand_over(h, a, k, out);
	if (!more)
		drop_held(h, k);
	else
		keep_bounds(h);
	return false;
}

/* The request is slow or long: take its bytes from the kernel from now on. */
static bool
take_over(struct hold *h, struct arena *a, struct held *k,
    struct held_request *out)
{
	k->what = BODY;
	k->last = clock_mono() + BODY_MS * CLOCK_MS;
	return on_body(h, a, k, out);
}

/*
 * The first bytes of a request stay in the kernel for a moment, in which the
 * rest mostly comes. The kernel's buffer is too small for more than that, above
 * all when the pieces are small.
 */
static bool
on_head(struct hold *h, struct arena *a, struct held *k, bool ends,
    struct held_request *out)
{
	if (hold_look(h, k->fd, a, out)) {
		epoll_ctl(h->poll_fd, EPOLL_CTL_DEL, k->fd, NULL);
		forget_held(h, k);
		return true;
	}
	if (errno != EAGAIN) {
		drop_held(h, k);
		return false;
	}
	if (ends || out->seen.n == FCGI_PEEK_BYTES)
		return take_over(h, a, k, out);
	if (k->at == 0 && out->seen.n)
		k->until = clock_mono() + MOMENT_MS * CLOCK_MS;
	k->at |= out->seen.n > 0;
	return false;
}

/* The peer takes more of its answer. */
static void
on_answer(struct hold *h, struct held *k)
{
	ssize_t n = 1;

	while (k->at < k->n && n > 0) {
		n = send(k->fd, k->p + k->at, k->n - k->at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			k->at += (size_t)n;
	}
	if (k->at < k->n && errno == EAGAIN)
		return;
	if (k->at < k->n || k->then == NOTHING_ELSE) {
		drop_held(h, k);
		return;
	}
	h->bytes -= k->room;
	memory_free_secret(k->p, k->n);
	k->p = NULL;
	k->n = k->room = k->at = 0;
	k->what = k->then == KEEP ? HEAD : DRAIN;
	k->until = clock_mono() + DRAIN_MS * CLOCK_MS;
	if (k->what == DRAIN)
		shutdown(k->fd, SHUT_WR);
	if (!watch(h, k, EPOLL_CTL_MOD))
		drop_held(h, k);
}

/* Drain the rest of a body that was refused, up to LIMIT_DRAIN. */
static void
on_drain(struct hold *h, struct held *k)
{
	ssize_t n = 1;

	while (n > 0 && k->at < LIMIT_DRAIN) {
		n = recv(k->fd, h->chunk, CHUNK, MSG_DONTWAIT);
		if (n > 0) {
			k->at += (size_t)n;
			explicit_bzero(h->chunk, (size_t)n);
		} else if (n < 0 && errno == EINTR) {
			n = 1;
		}
	}
	if (n >= 0 || errno != EAGAIN)
		drop_held(h, k);
}

bool
hold_event(struct hold *h, struct arena *a, const struct epoll_event *ev,
    struct held_request *out)
{
	struct held *k = ev->data.ptr;

	switch (k->what) {
	case ANSWER:
		on_answer(h, k);
		return false;
	case DRAIN:
		on_drain(h, k);
		return false;
	case HEAD:
		return on_head(h, a, k, ev->events & (EPOLLRDHUP | EPOLLHUP |
		    EPOLLERR), out);
	default:
		return on_body(h, a, k, out);
	}
}

int
hold_wait(const struct hold *h)
{
	int64_t first = INT64_MAX, left;

	for (const struct held *k = h->oldest; k; k = k->newer)
		first = k->until < first ? k->until : first;
	if (h->oldest == NULL)
		return -1;
	left = first - clock_mono();
	return left <= 0 ? 0 : (int)(left / CLOCK_MS) + 1;
}

bool
hold_expired(struct hold *h, struct arena *a, struct held_request *out)
{
	int64_t now = clock_mono();
	struct held *k = h->oldest, *next;

	for (; k; k = next) {
		next = k->newer;
		if (k->until > now)
			continue;
		if (k->what == HEAD && k->at) {
			if (take_over(h, a, k, out))
				return true;
			break; /* take_over may have dropped others */
		}
		if (k->what != BODY || !k->seen.head) {
			drop_held(h, k);
			continue;
		}
		if (hand_over(h, a, k, out)) {
			out->late = true;
			return true;
		}
		break;
	}
	return false;
}
