#include "web/worker/conn_set.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"

#define GRAIN (CLOCK_SECOND / 10) /* times are looked at this often */

void
conn_set_open(struct conn_set *s, int poll_fd, size_t most)
{
	*s = (struct conn_set){ .poll_fd = poll_fd, .next = INT64_MAX,
		.most = most < LIMIT_CONNECTIONS ? most : LIMIT_CONNECTIONS };
}

static void
unlink_conn(struct conn_set *s, struct conn *c)
{
	struct conn_list *l = c->list;

	*(c->older ? &c->older->newer : &l->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &l->newest) = c->older;
	s->nactive -= l == &s->active;
	c->older = c->newer = NULL;
}

static void
link_conn(struct conn_set *s, struct conn *c, struct conn_list *l)
{
	c->list = l;
	c->older = l->newest;
	*(l->newest ? &l->newest->newer : &l->oldest) = c;
	l->newest = c;
	s->nactive += l == &s->active;
}

struct conn *
conn_set_add(struct conn_set *s, int fd)
{
	struct conn *c = memory_new("a connection", 1, sizeof(*c));

	c->fd = c->out.fd = fd;
	c->relay = -1;
	s->count++;
	link_conn(s, c, &s->idle);
	return c;
}

void
conn_set_unrelay(struct conn *c)
{
	if (c->relay >= 0)
		close(c->relay);
	c->relay = -1;
	c->relay_watched = false;
	c->relay_asked = 0;
}

void
conn_set_drop(struct conn_set *s, struct conn *c)
{
	if (c->state == CONN_DEAD)
		return;
	unlink_conn(s, c);
	s->count--;
	s->bytes -= c->bytes;
	/* Closing is not enough while its other owner, in the lane, has it. */
	if (c->watched)
		epoll_ctl(s->poll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	conn_set_unrelay(c);
	fcgi_input_done(&c->in);
	fcgi_out_free(&c->out);
	memory_free_secret(c->rest, c->nrest);
	c->state = CONN_DEAD;
	c->newer = s->dead;
	s->dead = c;
}

void
conn_set_bury(struct conn_set *s)
{
	struct conn *c;

	while ((c = s->dead)) {
		s->dead = c->newer;
		free(c);
	}
}

void
conn_set_close(struct conn_set *s)
{
	while (s->idle.oldest)
		conn_set_drop(s, s->idle.oldest);
	while (s->active.oldest)
		conn_set_drop(s, s->active.oldest);
	conn_set_bury(s);
}

void
conn_set_state(struct conn_set *s, struct conn *c, enum conn_state state,
    int64_t until)
{
	struct conn_list *l = state == CONN_IDLE ? &s->idle : &s->active;

	if (c->list != l || state == CONN_IDLE) {
		unlink_conn(s, c);
		link_conn(s, c, l);
	}
	c->state = state;
	c->until = until;
	if (until < s->next)
		s->next = until;
}

static bool
ask(struct conn_set *s, struct conn *c, int fd, bool known,
    struct epoll_event *ev)
{
	if (epoll_ctl(s->poll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
		ev) == 0)
		return true;
	log_error("epoll", log_c("error", strerror(errno)));
	conn_set_drop(s, c);
	return false;
}

bool
conn_set_watch(struct conn_set *s, struct conn *c, bool relay, unsigned events)
{
	struct epoll_event ev = { .events = events };
	unsigned *asked = relay ? &c->relay_asked : &c->asked;
	bool *known = relay ? &c->relay_watched : &c->watched;

	if (*known && *asked == events)
		return true;
	ev.data.u64 = (uintptr_t)c | (relay ? CONN_RELAY : 0);
	if (!ask(s, c, relay ? c->relay : c->fd, *known, &ev))
		return false;
	*asked = events;
	*known = true;
	return true;
}

struct conn *
conn_set_of(void *data, bool *relay)
{
	*relay = (uintptr_t)data & CONN_RELAY;
	return (struct conn *)((uintptr_t)data & ~(uintptr_t)CONN_RELAY);
}

/* A body that may be large is bounded by how many there are (LIMIT_UPLOADS). */
static void
count_bytes(struct conn_set *s, struct conn *c)
{
	bool upload = c->in.most > LIMIT_BODY_JSON;
	size_t bytes = c->out.room + c->nrest + (upload ? 0 : c->in.room);

	s->bytes += bytes - c->bytes;
	c->bytes = bytes;
}

/* The oldest but c that holds bytes, or any of those that wait. */
static struct conn *
victim(struct conn_set *s, const struct conn *c, bool with_bytes)
{
	struct conn *v = with_bytes ? s->active.oldest : s->idle.oldest;

	if (v == c && v && !with_bytes)
		v = v->newer;
	if (v == NULL)
		v = s->active.oldest;
	while (v && (v == c || (with_bytes && v->bytes == 0)))
		v = v->newer;
	return v;
}

void
conn_set_keep_bounds(struct conn_set *s, struct conn *c)
{
	struct conn *v;

	count_bytes(s, c);
	while (s->count > s->most && (v = victim(s, c, false)))
		conn_set_drop(s, v);
	while (s->bytes > LIMIT_HELD_BYTES && (v = victim(s, c, true)))
		conn_set_drop(s, v);
}

int
conn_set_wait(const struct conn_set *s, int64_t now)
{
	if (s->next == INT64_MAX)
		return -1;
	return s->next <= now ? 0 : (int)((s->next - now) / CLOCK_MS) + 1;
}

/* Add those of a list behind the first n; their number then. */
static size_t
expired_in(const struct conn_list *l, int64_t now, int64_t *next,
    struct conn **late, size_t n)
{
	for (struct conn *c = l->oldest; c && n < CONN_LATE; c = c->newer)
		if (c->until <= now)
			late[n++] = c;
		else if (c->until < *next)
			*next = c->until;
	return n;
}

size_t
conn_set_expired(struct conn_set *s, int64_t now, struct conn **late)
{
	int64_t next = INT64_MAX;
	size_t n;

	if (now < s->next)
		return 0;
	n = expired_in(&s->active, now, &next, late, 0);
	n = expired_in(&s->idle, now, &next, late, n);
	/* So that a thousand times a second are not looked at one by one. */
	if (n < CONN_LATE)
		s->next = next == INT64_MAX || next > now + GRAIN ? next :
								    now + GRAIN;
	return n;
}
