#include "web/worker/worker_shift.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "web/listen.h"

#define IDLE_MS 1000
#define RSS_EVERY 1024

static volatile sig_atomic_t ending;

static void
on_end(int sig)
{
	(void)sig;
	ending = 1;
}

/* Handlers of ours, set before FCGX_Init, keep libfcgi from setting its own. */
static void
take_signals(struct worker_shift *s)
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
	sigprocmask(SIG_BLOCK, &block, &s->waiting);
	sigdelset(&s->waiting, SIGTERM);
	sigdelset(&s->waiting, SIGUSR1);
	sigdelset(&s->waiting, SIGCHLD);
}

/*
 * A kept connection costs a descriptor; most systems give few unless asked.
 * Some are left for databases, files and the heavy lane.
 */
static size_t
raise_descriptors(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most) < 0)
		return 512;
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	getrlimit(RLIMIT_NOFILE, &most);
	return most.rlim_cur - most.rlim_cur / 4;
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

/*
 * Only one of several waiting workers wakes up for a connection. Where that one
 * ends before it accepts, its replacement finds the connection; processes that
 * nobody replaces wake up together.
 */
static bool
watch_source(const struct worker_shift *s)
{
	bool replaced = s->o->kind != WORKER_SINGLE;
	struct epoll_event ev = {
		.events = EPOLLIN | (replaced ? EPOLLEXCLUSIVE : 0),
	};

	return epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, s->source, &ev) == 0;
}

bool
worker_shift_open(struct worker_shift *s, const struct worker_options *o)
{
	*s = (struct worker_shift){ .o = o, .last = jittered(o->max_requests) };
	take_signals(s);
	s->descriptors = raise_descriptors();
	s->source = o->kind == WORKER_HEAVY ? o->lane->take : o->listen_fd;
	s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->arena = arena_new(LIMIT_ARENA);
	if (s->poll_fd >= 0 && watch_source(s))
		return true;
	log_error("worker cannot start", log_c("error", strerror(errno)));
	return false;
}

void
worker_shift_close(struct worker_shift *s)
{
	arena_free(&s->arena);
	close(s->poll_fd);
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

static bool
worn_out(const struct worker_shift *s)
{
	if (s->last && s->served >= s->last)
		return true;
	return s->o->max_rss && s->served % RSS_EVERY == 0 && s->served &&
	    resident_kib() > s->o->max_rss;
}

bool
worker_shift_over(const struct worker_shift *s)
{
	return (ending && s->o->kind != WORKER_HEAVY) || worn_out(s);
}

void
worker_shift_count(struct worker_shift *s)
{
	s->served++;
	s->served_at = clock_mono();
	s->idle_told = false;
	if (s->o->requests)
		atomic_fetch_add_explicit(s->o->requests, 1,
		    memory_order_relaxed);
	if (s->o->light_at && s->o->kind == WORKER_LIGHT)
		atomic_store_explicit(s->o->light_at, s->served_at,
		    memory_order_relaxed);
}

int
worker_shift_wait(const struct worker_shift *s)
{
	return s->idle_told ? -1 : IDLE_MS;
}

void
worker_shift_rest(struct worker_shift *s)
{
	const struct worker_hooks *h = s->o->hooks;

	if (ending || s->idle_told ||
	    clock_mono() - s->served_at < IDLE_MS * CLOCK_MS)
		return;
	if (h->idle)
		h->idle(h->obj);
	s->idle_told = true;
}

enum lane_state
worker_shift_accept(const struct worker_shift *s, int *conn)
{
	*conn = listen_accept(s->source);
	if (*conn >= 0)
		return LANE_TAKEN;
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

void
worker_shift_requeue(const struct worker_shift *s)
{
	worker_shift_leave(s);
	if (!watch_source(s))
		log_error("epoll", log_c("error", strerror(errno)));
}

void
worker_shift_leave(const struct worker_shift *s)
{
	epoll_ctl(s->poll_fd, EPOLL_CTL_DEL, s->source, NULL);
}
