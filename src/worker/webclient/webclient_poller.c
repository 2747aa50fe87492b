#include "worker/webclient/webclient_private.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define EVENTS 64 /* at once, so that new requests go out in one burst */

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct webclient_pool *p = arg;

	(void)multi;
	p->due = ms < 0 ? 0 : clock_mono() + ms * CLOCK_MS;
	return 0;
}

static struct watch *
watch_of(struct webclient_pool *p, int fd)
{
	size_t n = (size_t)fd + 1, more;

	if (n <= p->nwatches)
		return &p->watches[fd];
	more = n < 64 ? 64 : n * 2;
	p->watches = memory_grow("descriptors", p->watches, more,
	    sizeof(*p->watches));
	memset(p->watches + p->nwatches, 0,
	    (more - p->nwatches) * sizeof(*p->watches));
	p->nwatches = more;
	return &p->watches[fd];
}

void
webclient_poller_opened(struct webclient_pool *p, int fd)
{
	*watch_of(p, fd) = (struct watch){ .kept = true };
}

/* A descriptor that is closed leaves the epoll set. */
int
webclient_poller_close(void *pool, curl_socket_t fd)
{
	*watch_of(pool, fd) = (struct watch){ 0 };
	return close(fd);
}

static void
unwatch(struct webclient_pool *p, struct watch *w, int fd)
{
	epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
	w->events = 0;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mark)
{
	struct webclient_pool *p = arg;
	struct watch *w = watch_of(p, fd);
	struct epoll_event ev = { .data.fd = fd };

	(void)easy, (void)mark;
	w->idle = what == CURL_POLL_REMOVE;
	if (w->idle) {
		if (!w->kept)
			unwatch(p, w, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	if (ev.events == w->events)
		return 0;
	/* The transfer then ends by its time-out. */
	if (epoll_ctl(p->epoll, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
	    &ev) < 0)
		log_error("a socket cannot be watched", log_i("fd", fd));
	else
		w->events = ev.events;
	return 0;
}

void
webclient_poller_watch(struct webclient_pool *p)
{
	/* With fewer, busy connections would push each other out. */
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)p->o.slots);
	curl_multi_setopt(p->multi, CURLMOPT_PIPELINING,
	    (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
}

static void
run_due(struct webclient_pool *p)
{
	if (p->due && clock_mono() >= p->due) {
		p->due = 0;
		curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0,
		    &p->running);
	}
}

static int
ready_for(uint32_t events)
{
	int what = 0;

	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	return what;
}

static void
run_ready(struct webclient_pool *p)
{
	struct epoll_event got[EVENTS];
	int n = epoll_wait(p->epoll, got, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		int fd = got[i].data.fd;
		struct watch *w = watch_of(p, fd);

		/* The other end closed it; its next user will find out. */
		if (w->idle)
			unwatch(p, w, fd);
		else
			curl_multi_socket_action(p->multi, fd,
			    ready_for(got[i].events), &p->running);
	}
}

void
webclient_poller_work(struct webclient_pool *p, int ms,
    const struct pollfd *other)
{
	struct pollfd fds[2] = { { .fd = p->epoll, .events = POLLIN },
		other ? *other : (struct pollfd){ .fd = -1 } };
	int64_t left;

	run_due(p);
	if (p->running < p->busy)
		ms = 0;
	left = p->due ? (p->due - clock_mono() + 999) / CLOCK_MS : ms;
	if (left > ms)
		left = ms;
	if (poll(fds, 2, left > 0 ? (int)left : 0) > 0 && fds[0].revents)
		run_ready(p);
	run_due(p);
}
