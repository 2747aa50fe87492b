#include "queue/courier.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "queue/holder.h"
#include "queue/round.h"
#include "queue/worker.h"

#define GRACE (10 * CLOCK_SECOND)
#define RESTART_AFTER CLOCK_SECOND

static volatile sig_atomic_t stop_signal;

static void
on_stop(int sig)
{
	stop_signal = sig;
}

bool
courier_run(const struct config *c, struct queue *q, bool once)
{
	struct round *r = round_new(c, q);
	int64_t stop_at = 0;
	bool clean;

	while (!round_over(r, once || stop_at != 0)) {
		if (stop_signal && stop_at == 0) {
			stop_at = clock_mono();
			round_stop(r);
		}
		if (stop_at && clock_mono() - stop_at >= GRACE)
			break;
		round_step(r);
	}
	clean = round_give_back(r);
	round_free(&r);
	return clean;
}

static _Noreturn void
child(pid_t parent, const struct config *c, const struct keyring *k,
    const int inherited[COURIER_INHERITS])
{
	struct sigaction stop = { .sa_handler = on_stop };
	struct arena *a = arena_new(LIMIT_ARENA);
	struct holder holder;
	struct queue q = { .keys = k };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	for (int i = 0; i < COURIER_INHERITS; i++)
		if (inherited[i] >= 0)
			close(inherited[i]);
	holder = holder_new(a, c->runtime_dir);
	q.holder = uuid_text(a, holder.id);
	/* A connection of its own: the parent's is never touched. */
	q.db = worker_db(a, c);
	if (courier_run(c, &q, false))
		holder_leave(&holder, a, c->runtime_dir);
	db_close(&q.db);
	arena_free(&a);
	_exit(0);
}

void
courier_keep(struct courier *p, const struct config *c,
    const struct keyring *k, const int inherited[COURIER_INHERITS])
{
	pid_t self = getpid();

	if (p->pid && waitpid(p->pid, NULL, WNOHANG) == p->pid) {
		log_error("the courier died", log_i("pid", p->pid));
		p->pid = 0;
	}
	if (p->pid || clock_mono() < p->again_at)
		return;
	p->again_at = clock_mono() + RESTART_AFTER;
	p->pid = fork();
	if (p->pid == 0)
		child(self, c, k, inherited);
	if (p->pid < 0) {
		log_error("no process for the courier");
		p->pid = 0;
	}
}

void
courier_stop(struct courier *p)
{
	if (p->pid)
		kill(p->pid, SIGTERM);
}

void
courier_wait(struct courier *p)
{
	while (p->pid && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}
