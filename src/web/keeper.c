#include "web/keeper.h"

#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "base/limits.h"
#include "core/limit_settle.h"
#include "core/session/session_change.h"
#include "core/session/session_news.h"

#define STEP_MS 100
#define IDLE_MS 500
#define ASK_EVERY (500 * CLOCK_MS) /* before a request would */
#define QUIET (2 * CLOCK_SECOND)   /* without requests: nothing to do */

static volatile sig_atomic_t ending;

static void
on_end(int sig)
{
	(void)sig;
	ending = 1;
}

struct keeper {
	struct app *app;
	struct arena *arena;
	uint64_t requests; /* of the host, when last looked at */
	int64_t busy_at;   /* monotonic µs at which there were more */
	int64_t asked_at;
};

static bool
is_busy(struct keeper *k)
{
	uint64_t requests = atomic_load(&k->app->shared->requests);
	int64_t now = clock_mono();

	if (requests != k->requests) {
		k->requests = requests;
		k->busy_at = now;
	}
	return now - k->busy_at < QUIET;
}

static void
work(struct keeper *k)
{
	struct ctx *x = app_ctx(k->app, k->arena);
	int64_t now = clock_mono();

	if (limit_settle_due(x, STEP_MS * CLOCK_MS))
		limit_settle(x);
	session_news_hear(x);
	if (now - k->asked_at >= ASK_EVERY) {
		k->asked_at = now;
		(void)session_change_hear(x);
	}
	arena_reset(k->arena);
}

int
keeper_run(struct app *app)
{
	struct sigaction end = { .sa_handler = on_end };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct keeper k = { .app = app, .arena = arena_new(LIMIT_ARENA),
		.busy_at = -QUIET };

	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	k.requests = atomic_load(&app->shared->requests);
	while (!ending) {
		bool busy = is_busy(&k);

		if (busy)
			work(&k);
		poll(NULL, 0, busy ? STEP_MS : IDLE_MS);
	}
	arena_free(&k.arena);
	return 0;
}
