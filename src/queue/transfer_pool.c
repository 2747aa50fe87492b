#include "queue/transfer_pool.h"

#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"

#define EVENTS 64 /* taken at once: what begins then goes out in one burst */

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct http_pool *p = arg;

	(void)multi;
	p->due = ms < 0 ? 0 : clock_mono() + ms * CLOCK_MS;
	return 0;
}

/* mark is not NULL for a socket that the set knows. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mark)
{
	struct http_pool *p = arg;
	struct epoll_event ev = { .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(p->epoll, mark ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
	    &ev) < 0)
		log_error("a socket cannot be watched", log_i("fd", fd));
	curl_multi_assign(p->multi, fd, p);
	return 0;
}

void
http_pool_watch(struct http_pool *p)
{
	/* With fewer, busy ones would push each other out. */
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)p->o.slots);
	curl_multi_setopt(p->multi, CURLMOPT_PIPELINING,
	    (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
}

static void
run_due(struct http_pool *p)
{
	if (p->due && clock_mono() >= p->due) {
		p->due = 0;
		curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0,
		    &p->running);
	}
}

static void
run_ready(struct http_pool *p)
{
	struct epoll_event got[EVENTS];
	int n = epoll_wait(p->epoll, got, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		int what = 0;

		if (got[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (got[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (got[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(p->multi, got[i].data.fd, what,
		    &p->running);
	}
}

void
http_pool_work(struct http_pool *p, int ms, const struct pollfd *other)
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
