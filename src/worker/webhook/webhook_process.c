#include "worker/webhook/webhook_process.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "runtime/sandbox.h"
#include "worker/host_lock.h"
#include "worker/loop_db.h"
#include "worker/webhook/webhook_courier.h"

#define GRACE (10 * CLOCK_SECOND)

bool
webhook_process_run(const struct config *c, struct queue *q, bool once)
{
	struct webhook_courier *r = webhook_courier_new(c, q);
	int64_t stop_at = 0;
	bool clean;

	while (!webhook_courier_over(r, once || stop_at != 0)) {
		if (child_stopping() && stop_at == 0) {
			stop_at = clock_mono();
			webhook_courier_stop(r);
		}
		if (stop_at && clock_mono() - stop_at >= GRACE)
			break;
		webhook_courier_step(r);
	}
	clean = webhook_courier_give_back(r);
	webhook_courier_free(&r);
	return clean;
}

/* What the process needs to know. */
struct life {
	const struct config *config;
	const struct keyring *keys;
};

/* A transfer needs a socket, and looking up its name two more. */
static void
want_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		log_warn("the limit of descriptors stays",
		    log_c("why", strerror(errno)));
}

static void
courier_process(void *arg)
{
	const struct life *l = arg;
	struct arena *a = arena_new(LIMIT_ARENA);
	struct host_lock holder = host_lock_new(a, l->config->runtime_dir);
	struct queue q = { .keys = l->keys,
		.holder = uuid_text(a, holder.id),
		/* A connection of its own: the parent's is never touched. */
		.db = loop_db(a, l->config) };

	want_descriptors();
	if (l->config->seccomp)
		sandbox_enter(SANDBOX_COURIER);
	if (webhook_process_run(l->config, &q, false))
		host_lock_leave(&holder, a, l->config->runtime_dir);
	db_close(&q.db);
	arena_free(&a);
}

void
webhook_process_keep(struct child *p, const struct config *c,
    const struct keyring *k)
{
	struct life l = { c, k };

	child_keep(p, "postern-courier", courier_process, &l);
}
