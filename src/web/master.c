#include "web/master.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "runtime/notify.h"
#include "web/reload.h"

#define GRACE (10 * CLOCK_SECOND)
#define EARLY CLOCK_SECOND /* a worker that ends sooner is faulty */
#define BACKOFF_FIRST (CLOCK_SECOND / 10)
#define BACKOFF_LAST (2 * CLOCK_SECOND)
#define HEAVY_NICE 5
#define TICK_MS 100

struct slot {
	pid_t pid; /* 0: none runs */
	bool keeper;
	enum worker_kind kind; /* of a worker */
	int64_t started;
	int64_t not_before;
};

struct master {
	const struct master_options *o;
	struct slot slot[MASTER_WORKERS];
	size_t nslots;
	pid_t old[MASTER_WORKERS];
	size_t nold;
	struct lane lane;
	int signals;	 /* signalfd */
	int ready[2];	 /* pipe: a byte per started worker */
	size_t nready;
	int64_t backoff; /* 0 while workers live long enough */
	pid_t check;	 /* a reload's --check, or 0 */
	int64_t check_until;
	int64_t kill_old_at;
	bool stopping;
	int64_t kill_at;
};

static bool
open_master(struct master *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	m->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signals < 0 || pipe2(m->ready, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    !lane_open(&m->lane)) {
		log_fatal("master cannot start",
		    log_c("error", strerror(errno)));
		return false;
	}
	return true;
}

/* In the child: leave what is the master's. */
static void
leave_master(const struct master *m, pid_t master)
{
	sigset_t none;

	/* When the master is killed, its workers are told to end. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != master)
		_exit(0);
	signal(SIGINT, SIG_IGN); /* from a terminal: the master decides */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	reload_forget();
	close(m->signals);
	close(m->ready[0]);
}

static void __attribute__((noreturn))
be_keeper(struct master *m)
{
	prctl(PR_SET_NAME, "postern-keeper");
	lane_close_give(&m->lane);
	lane_close_take(&m->lane);
	close(m->o->worker.listen_fd);
	if (write(m->ready[1], "+", 1) < 0)
		log_warn("master does not listen");
	exit(m->o->keeper(m->o->worker.hooks->obj));
}

static void __attribute__((noreturn))
be_worker(struct master *m, enum worker_kind kind)
{
	struct worker_options w = m->o->worker;

	if (kind == WORKER_HEAVY) {
		/* A hash yields to cheap requests; a failure does no harm. */
		prctl(PR_SET_NAME, "postern-heavy");
		(void)!nice(HEAVY_NICE);
		lane_close_give(&m->lane);
		close(w.listen_fd);
	} else {
		prctl(PR_SET_NAME, "postern-light");
		lane_close_take(&m->lane);
	}
	w.kind = kind;
	w.lane = &m->lane;
	w.ready_fd = m->ready[1];
	exit(worker_run(&w));
}

static void
start_worker(struct master *m, struct slot *s)
{
	pid_t master = getpid(), pid = fork();

	if (pid == 0) {
		leave_master(m, master);
		if (s->keeper)
			be_keeper(m);
		be_worker(m, s->kind);
	}
	s->started = clock_mono();
	if (pid < 0) {
		log_error("fork", log_c("error", strerror(errno)));
		s->not_before = s->started + CLOCK_SECOND;
		return;
	}
	s->pid = pid;
}

static void
start_missing(struct master *m)
{
	int64_t now = clock_mono();

	for (size_t i = 0; i < m->nslots; i++)
		if (m->slot[i].pid == 0 && m->slot[i].not_before <= now)
			start_worker(m, &m->slot[i]);
}

static void
slots_make(struct master *m)
{
	size_t light = (size_t)m->o->light, heavy = (size_t)m->o->heavy;

	for (size_t i = 0; i < light + heavy && i < MASTER_WORKERS; i++) {
		enum worker_kind kind = heavy == 0 ? WORKER_SINGLE :
		    i < light			   ? WORKER_LIGHT :
						     WORKER_HEAVY;

		m->slot[m->nslots++].kind = kind;
	}
	if (m->o->keeper && m->nslots < MASTER_WORKERS)
		m->slot[m->nslots++].keeper = true;
}

/*
 * How long to wait before a dead worker is replaced. SIGKILL comes from
 * outside, from a person or for want of memory: the next worker will probably
 * live.
 */
static int64_t
delay(struct master *m, const struct slot *s, int status)
{
	if (status == 0 || clock_mono() - s->started > EARLY) {
		m->backoff = 0;
		return 0;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return BACKOFF_FIRST;
	m->backoff = backoff_longer(m->backoff, BACKOFF_FIRST, BACKOFF_LAST);
	return m->backoff;
}

static void
worker_ended(struct master *m, struct slot *s, int status)
{
	if (status != 0)
		log_warn("worker ended", log_i("worker", s->pid),
		    log_i(WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) :
					      WEXITSTATUS(status)));
	s->pid = 0;
	s->not_before = clock_mono() + delay(m, s, status);
}

static void
check_ended(struct master *m, int status)
{
	pid_t all[2 * MASTER_WORKERS];
	size_t n = 0;

	m->check = 0;
	if (status != 0 || m->stopping) {
		log_fatal("reload refused: the new program or configuration "
			  "does not pass --check; the old one goes on",
		    log_i("status", WIFEXITED(status) ? WEXITSTATUS(status) :
							-1));
		reload_drop_answer();
		notify_ready();
		return;
	}
	for (size_t i = 0; i < m->nslots; i++)
		if (m->slot[i].pid)
			all[n++] = m->slot[i].pid;
	for (size_t i = 0; i < m->nold; i++)
		all[n++] = m->old[i];
	log_info("reload");
	reload_exec(m->o->worker.listen_fd, all, n);
	log_fatal("reload failed", log_c("error", strerror(errno)));
	reload_drop_answer();
	notify_ready();
}

static void
child_ended(struct master *m, pid_t pid, int status)
{
	if (pid == m->check) {
		check_ended(m, status);
		return;
	}
	for (size_t i = 0; i < m->nslots; i++)
		if (m->slot[i].pid == pid) {
			worker_ended(m, &m->slot[i], status);
			return;
		}
	for (size_t i = 0; i < m->nold; i++)
		if (m->old[i] == pid) {
			m->old[i] = m->old[--m->nold];
			return;
		}
}

static void
reap_workers(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_ended(m, pid, status);
}

static void
signal_all(const struct master *m, int sig)
{
	for (size_t i = 0; i < m->nslots; i++)
		if (m->slot[i].pid)
			kill(m->slot[i].pid, sig);
	for (size_t i = 0; i < m->nold; i++)
		kill(m->old[i], sig);
}

static void
stop(struct master *m)
{
	if (m->stopping)
		return;
	m->stopping = true;
	m->kill_at = clock_mono() + GRACE;
	notify_stopping();
	log_info("stopping");
	/* Heavy workers end when no light one can pass on a request. */
	lane_close_give(&m->lane);
	signal_all(m, SIGTERM);
}

static void
reload(struct master *m)
{
	if (m->stopping || m->check)
		return;
	notify_reloading();
	m->check = reload_check();
	m->check_until = clock_mono() + GRACE;
	if (m->check < 0) {
		m->check = 0;
		log_fatal("reload: --check cannot be started");
		notify_ready();
	}
}

static void
read_signals(struct master *m)
{
	struct signalfd_siginfo s;

	while (read(m->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT)
			stop(m);
		else if (s.ssi_signo == SIGHUP)
			reload(m);
	}
	reap_workers(m);
}

/* All workers run for the first time: say so, and end the old ones. */
static void
all_ready(struct master *m)
{
	notify_ready();
	log_info("ready", log_i("light", m->o->light),
	    log_i("heavy", m->o->heavy));
	for (size_t i = 0; i < m->nold; i++)
		kill(m->old[i], SIGTERM);
	m->kill_old_at = clock_mono() + GRACE;
}

static void
read_ready(struct master *m)
{
	char bytes[64];
	ssize_t n = read(m->ready[0], bytes, sizeof(bytes));
	size_t before = m->nready;

	if (n <= 0)
		return;
	m->nready += (size_t)n;
	if (before < m->nslots && m->nready >= m->nslots)
		all_ready(m);
}

static void
kill_late(struct master *m)
{
	int64_t now = clock_mono();

	if (m->stopping && now > m->kill_at)
		signal_all(m, SIGKILL);
	if (m->check && now > m->check_until)
		kill(m->check, SIGKILL);
	if (m->kill_old_at && now > m->kill_old_at)
		for (size_t i = 0; i < m->nold; i++)
			kill(m->old[i], SIGKILL);
}

/* Is there a deadline, or a worker missing? Else only events matter. */
static bool
busy(const struct master *m)
{
	bool missing = false;

	for (size_t i = 0; i < m->nslots; i++)
		missing |= m->slot[i].pid == 0;
	return missing || m->stopping || m->check || m->nold;
}

static bool
any_left(const struct master *m)
{
	for (size_t i = 0; i < m->nslots; i++)
		if (m->slot[i].pid)
			return true;
	return m->nold > 0;
}

int
master_run(const struct master_options *o)
{
	static struct master m;
	struct pollfd p[2];

	m.o = o;
	if (!open_master(&m))
		return 70; /* EX_SOFTWARE */
	slots_make(&m);
	for (; m.nold < o->nold && m.nold < MASTER_WORKERS; m.nold++)
		m.old[m.nold] = o->old[m.nold];
	while (!m.stopping || any_left(&m)) {
		if (!m.stopping)
			start_missing(&m);
		p[0] = (struct pollfd){ .fd = m.signals, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = m.ready[0], .events = POLLIN };
		poll(p, 2, busy(&m) ? TICK_MS : 1000);
		notify_alive();
		read_ready(&m);
		read_signals(&m);
		kill_late(&m);
	}
	log_info("stopped");
	return 0;
}
