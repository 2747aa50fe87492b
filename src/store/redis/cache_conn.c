#include "store/redis/cache_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pid.h"
#include "runtime/wait.h"

#define PAUSE_MIN (100 * CLOCK_MS)
#define PAUSE_MAX (2 * CLOCK_SECOND)
#define TELL_AGAIN (60 * CLOCK_SECOND)

/* Connect without blocking; takes fd over. */
static int
connect_fd(int fd, const struct sockaddr *to, socklen_t n, int64_t deadline)
{
	int error = 0;
	socklen_t size = sizeof error;

	if (fd < 0)
		return -1;
	if (connect(fd, to, n) == 0)
		return fd;
	if (errno == EINPROGRESS && wait_fd(fd, POLLOUT, deadline) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
	    error == 0)
		return fd;
	close(fd);
	return -1;
}

static int
connect_unix(const char *path, int64_t deadline)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n >= sizeof to.sun_path)
		return -1;
	memcpy(to.sun_path, path, n);
	return connect_fd(socket(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	    (struct sockaddr *)&to, sizeof to, deadline);
}

/* Look-up of a name is the resolver's time; an address needs none. */
static int
connect_tcp(const char *host, int port, int64_t deadline)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char service[16];
	int fd = -1, on = 1;

	snprintf(service, sizeof service, "%d", port);
	if (getaddrinfo(host, service, &hints, &list) != 0)
		return -1;
	for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next)
		fd = connect_fd(socket(i->ai_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
		    i->ai_addr, i->ai_addrlen, deadline);
	freeaddrinfo(list);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

/*
 * A reply takes a moment, so the first recv() waits for it, up to the time-out:
 * a system call less than to poll first.
 */
static bool
wait_in_recv(const struct cache *c)
{
	const struct timeval t = { c->o.timeout / CLOCK_SECOND,
		c->o.timeout % CLOCK_SECOND };
	int flags = fcntl(c->fd, F_GETFL);

	return flags >= 0 &&
	    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0 &&
	    fcntl(c->fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

const char *
cache_conn_open(struct cache *c, int64_t deadline)
{
	const char *why = NULL;

	c->fd = c->host[0] == '/' ? connect_unix(c->host, deadline) :
	    connect_tcp(c->host, c->o.port, deadline);
	if (c->fd < 0)
		return "no connection";
	c->pid = pid_self();
	if (!c->o.tls && !wait_in_recv(c))
		return "no time-out of the socket";
	if (c->o.tls && !(c->tls = cache_tls_open(c->fd, c->host, deadline,
	    &why)))
		return why;
	return NULL;
}

bool
cache_conn_alive(const struct cache *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	/* nothing was asked: readable means closed or out of step */
	return c->fd >= 0 && c->pid == pid_self() &&
	    (c->tls || poll(&p, 1, 0) == 0);
}

void
cache_conn_drop(struct cache *c)
{
	cache_parser_free(&c->parser);
	if (c->fd < 0)
		return;
	/* the parent's TLS session is not ours to end */
	cache_tls_close(c->tls, c->pid == pid_self());
	close(c->fd);
	c->fd = -1;
	c->tls = NULL;
}

/* One log line per host and outage, however many processes meet it. */
static bool
first_to_tell(struct cache *c)
{
	int64_t now = clock_mono(), before;

	if (c->o.told == NULL)
		return true;
	before = atomic_load(c->o.told);
	if (before != 0 && before <= now && now - before < TELL_AGAIN)
		return false;
	return atomic_compare_exchange_strong(c->o.told, &before, now);
}

void
cache_conn_back(struct cache *c)
{
	c->pause = c->retry_at = 0;
	c->why = NULL;
	if (c->o.told == NULL || atomic_exchange(c->o.told, 0) != 0)
		log_info("cache is back");
}

void
cache_conn_fail(struct cache *c, const char *why)
{
	cache_conn_drop(c);
	c->why = why;
	if (c->pause == 0 && first_to_tell(c))
		log_warn("cache is of no use, going on without",
		    log_c("why", why));
	c->pause = backoff_longer(c->pause, PAUSE_MIN, PAUSE_MAX);
	c->retry_at = clock_mono() + backoff_within(c->pause / 2, c->pause);
}

static long
receive_bytes(struct cache *c, char *p, size_t n, int flags)
{
	long got;

	if (c->tls) {
		got = cache_tls_read(c->tls, p, n, &c->wants);
		c->wants = c->wants ? c->wants : POLLIN;
		return got;
	}
	got = recv(c->fd, p, n, flags);
	c->wants = POLLIN;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return got == 0 ? -1 : got;
}

static long
transmit(struct cache *c, struct str s)
{
	long put;

	if (c->tls) {
		put = cache_tls_write(c->tls, s.p, s.n, &c->wants);
		c->wants = c->wants ? c->wants : POLLIN;
		return put;
	}
	put = send(c->fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	c->wants = put == (long)s.n ? POLLIN : POLLOUT;
	if (put < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return put;
}

/*
 * Read replies while commands are still being sent: otherwise both sides could
 * wait for each other's full buffer.
 */
const char *
cache_conn_talk(struct cache *c, struct arena *a, struct str out,
    struct reply *replies, size_t n, int64_t deadline)
{
	bool done = false, polled = c->tls != NULL;

	if (!c->parser && !(c->parser = cache_parser_new()))
		return "no memory";
	cache_parser_begin(c->parser, a, replies, n);
	c->trips++;
	c->wants = POLLIN;
	while (!done) {
		const char *why;
		long k;

		if (out.n) {
			if ((k = transmit(c, out)) < 0)
				return "connection lost";
			out = str_slice(out, (size_t)k, out.n);
			if (out.n && k)
				continue;
		}
		/* the answer is never there at once: wait for it */
		if ((polled || out.n) && !wait_fd(c->fd,
		    out.n ? POLLIN | c->wants : c->wants, deadline))
			return "time-out";
		if ((k = receive_bytes(c, c->in, sizeof c->in,
		    polled || out.n ? MSG_DONTWAIT : 0)) < 0)
			return "connection lost";
		polled = true;
		if (k == 0 && clock_mono() >= deadline)
			return "time-out";
		if (k && (why = cache_parser_feed(c->parser, c->in, (size_t)k,
		    &done)))
			return why;
	}
	return out.n ? "answer before the question" : NULL;
}
