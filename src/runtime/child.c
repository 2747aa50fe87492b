#include "runtime/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/environ.h"

#define RESTART_AFTER CLOCK_SECOND

static volatile sig_atomic_t stop_signal;

static void
on_child_stop(int sig)
{
	stop_signal = sig;
}

bool
child_stopping(void)
{
	return stop_signal != 0;
}

/* Close the descriptors from `from` up to the one before `to`. */
static void
close_between(int from, int to)
{
	if (from < to)
		(void)close_range((unsigned)from, (unsigned)to - 1, 0);
}

/*
 * Close all that the parent had open: else its connections would stay open when
 * the parent closes them, and its host lock would outlive it
 * (worker/host_lock.h).
 */
static void
close_inherited(int also)
{
	int log = log_fd(), first = log < also ? log : also;
	int last = log < also ? also : log;

	first = first <= STDERR_FILENO ? STDERR_FILENO : first;
	last = last <= STDERR_FILENO ? STDERR_FILENO : last;
	close_between(STDERR_FILENO + 1, first);
	close_between(first + 1, last);
	(void)close_range((unsigned)last + 1, ~0U, 0);
}

static _Noreturn void
become_child(pid_t parent, const struct child *p, void (*run)(void *arg),
    void *arg)
{
	struct sigaction stop = { .sa_handler = on_child_stop };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	/* The parent reads new settings and starts a new child with them. */
	sigaction(SIGHUP, &ignore, NULL);
	environ_forget();
	prctl(PR_SET_NAME, p->name);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	close_inherited(p->also);
	run(arg);
	_exit(0);
}

bool
child_due(struct child *p)
{
	int status;

	if (p->pid && waitpid(p->pid, &status, WNOHANG) == p->pid) {
		log_error("a process of the worker died",
		    log_c("name", p->name), log_i("process", p->pid),
		    WIFSIGNALED(status) ?
			log_i("signal", WTERMSIG(status)) :
			log_i("status", WEXITSTATUS(status)));
		p->pid = 0;
	}
	return p->pid == 0 && clock_mono() >= p->again_at;
}

void
child_keep(struct child *p, const char *name, void (*run)(void *arg),
    void *arg)
{
	pid_t self = getpid();

	if (!child_due(p))
		return;
	p->name = name;
	p->again_at = clock_mono() + RESTART_AFTER;
	p->pid = fork();
	if (p->pid == 0)
		become_child(self, p, run, arg);
	if (p->pid < 0) {
		log_error("no process for the worker", log_c("name", name));
		p->pid = 0;
	}
}

void
child_stop(struct child *p)
{
	if (p->pid)
		kill(p->pid, SIGTERM);
}

void
child_wait(struct child *p)
{
	while (p->pid && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}
