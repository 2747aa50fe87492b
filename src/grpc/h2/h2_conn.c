#include "grpc/h2/h2_conn.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "runtime/metric.h"

#define READ_ONCE ((size_t)16 << 10)
#define READS 4 /* before others have their turn */
#define OUT_ONCE ((size_t)32 << 10)
#define FIRST_WORDS (5 * CLOCK_SECOND)
#define TAKE_TIME (10 * CLOCK_SECOND)
#define IDLE_TIME (300 * CLOCK_SECOND)
#define BYE_TIME CLOCK_SECOND

static void
name_client(struct h2_conn *c)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	const int one = 1;

	if (getpeername(c->fd, (struct sockaddr *)&a, &n) < 0 ||
	    (a.ss_family != AF_INET && a.ss_family != AF_INET6))
		return;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (getnameinfo((struct sockaddr *)&a, n, c->client,
	    sizeof(c->client), NULL, 0, NI_NUMERICHOST) != 0)
		c->client[0] = '\0';
}

struct h2_conn *
h2_conn_new(int fd, const struct h2_server *server, struct h2_tls_server *tls)
{
	struct h2_conn *c = memory_new("a connection", 1, sizeof(*c));

	c->fd = fd;
	c->began = c->busy_at = c->moved_at = clock_mono();
	name_client(c);
	if (tls && (c->tls = h2_tls_new(tls, fd)) == NULL) {
		close(fd);
		free(c);
		return NULL;
	}
	c->session = h2_session_new(server);
	return c;
}

void
h2_conn_free(struct h2_conn *c)
{
	h2_session_free(c->session);
	if (c->tls)
		h2_tls_free(c->tls);
	close(c->fd);
	h2_bytes_free(&c->out);
	free(c);
}

/* --- bytes out */

static ssize_t
put(struct h2_conn *c, const char *p, size_t n)
{
	if (c->tls)
		return h2_tls_write(c->tls, p, n);
	return send(c->fd, p, n, MSG_NOSIGNAL);
}

/* Write what is collected; false: the socket takes no more now. */
static bool
drain(struct h2_conn *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = put(c, c->out.p + c->sent, c->out.n - c->sent);

		if (n <= 0) {
			c->blocked = n < 0 && errno == EAGAIN;
			c->dead |= !c->blocked;
			return false;
		}
		c->sent += (size_t)n;
		c->moved_at = clock_mono();
	}
	c->out.n = c->sent = 0;
	c->blocked = false;
	return true;
}

/* Collect frames, so that many go by one call of the system. */
static bool
collect(struct h2_conn *c)
{
	struct str some;

	while (c->out.n < OUT_ONCE) {
		some = h2_session_output(c->session);
		if (some.n == 0)
			break;
		h2_bytes_add(&c->out, some.p, some.n);
	}
	return c->out.n > 0;
}

/* The peer has all of it: let it end first, so that nothing gets lost. */
static void
say_bye(struct h2_conn *c)
{
	if (c->said_bye)
		return;
	c->said_bye = true;
	c->moved_at = clock_mono();
	if (c->tls)
		h2_tls_bye(c->tls);
	if (shutdown(c->fd, SHUT_WR) < 0)
		c->dead = true;
}

static void
flush(struct h2_conn *c)
{
	if (c->said_bye || c->dead)
		return;
	while (drain(c) && collect(c))
		;
	if (c->out.n == 0 && (c->closing || h2_session_over(c->session)))
		say_bye(c);
}

/* --- bytes in */

static ssize_t
get(struct h2_conn *c, char *p, size_t n)
{
	if (c->tls)
		return h2_tls_read(c->tls, p, n, &c->wants_write);
	return recv(c->fd, p, n, 0);
}

static void
take(struct h2_conn *c, struct str bytes)
{
	if (c->closing || c->said_bye)
		return;
	if (!h2_session_feed(c->session, bytes)) {
		if (h2_session_flooded(c->session))
			metric_add(METRIC_GRPC_FLOODED);
		c->closing = true;
	}
}

static void
read_some(struct h2_conn *c)
{
	char room[READ_ONCE];

	c->more = false;
	for (int i = 0; i < READS && !c->blocked; i++) {
		ssize_t n = get(c, room, sizeof(room));

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			c->dead = true;
			return;
		}
		take(c, (struct str){ room, (size_t)n });
		flush(c);
		if (c->dead)
			return;
		if ((size_t)n < sizeof(room) && c->tls == NULL)
			return;
	}
	c->more = c->tls && h2_tls_pending(c->tls);
}

void
h2_conn_event(struct h2_conn *c)
{
	flush(c);
	if (!c->dead)
		read_some(c);
}

bool
h2_conn_ready(const struct h2_conn *c)
{
	return !c->dead && !c->closing && !c->blocked &&
	    (c->more || h2_session_ready(c->session));
}

bool
h2_conn_serve(struct h2_conn *c)
{
	bool served;

	if (c->dead || c->closing || c->blocked)
		return false;
	if (c->more)
		read_some(c);
	served = !c->dead && h2_session_serve(c->session, str_of(c->client));
	if (served)
		c->busy_at = clock_mono();
	flush(c);
	return served;
}

void
h2_conn_tick(struct h2_conn *c, int64_t now)
{
	bool sending = c->out.n > 0;

	h2_session_tick(c->session, now);
	flush(c);
	if (!h2_session_met(c->session) && now - c->began > FIRST_WORDS)
		c->dead = true;
	if (sending && now - c->moved_at > TAKE_TIME) {
		metric_add(METRIC_GRPC_SLOW);
		c->dead = true;
	}
	if (c->said_bye && now - c->moved_at > BYE_TIME)
		c->dead = true;
	if (h2_session_streams(c->session))
		c->busy_at = now;
	else if (!c->said_bye && now - c->busy_at > IDLE_TIME)
		h2_conn_leave(c, true);
}

void
h2_conn_leave(struct h2_conn *c, bool last)
{
	h2_session_leave(c->session, last);
	flush(c);
}

unsigned
h2_conn_wants(const struct h2_conn *c)
{
	unsigned events = 0;

	if (!c->blocked)
		events |= EPOLLIN;
	if (c->blocked || c->wants_write)
		events |= EPOLLOUT;
	return events;
}

bool
h2_conn_idle(const struct h2_conn *c)
{
	return h2_session_streams(c->session) == 0 && c->out.n == 0;
}
