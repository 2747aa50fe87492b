#include "web/app.h"

#include <sodium.h>

#include "base/clock.h"
#include "core/access/api_key.h"
#include "core/limit_settle.h"
#include "core/session/signing.h"
#include "crypto/password/password.h"
#include "web/printed.h"
#include "web/route.h"

#define SETTLE_ARENA ((size_t)1 << 20)
#define CONNINFO_ARENA ((size_t)64 << 10)

bool
app_init(struct app *app, const struct config *c, const char **why)
{
	int64_t never = 0;

	if (sodium_init() < 0) {
		*why = "libsodium cannot start";
		return false;
	}
	if (!routes_complete()) {
		*why = "a row of handlers/routes.def is not complete";
		return false;
	}
	*app = (struct app){ .config = c };
	app->keys = keyring_new(c, why);
	if (app->keys == NULL)
		return false;
	signing_start(c, &app->jwt);
	app->shared = shared_open(c->runtime_dir);
	/* Processes of plain CGI are short: the host's first one sets it. */
	atomic_compare_exchange_strong(&app->shared->started_wall, &never,
	    clock_wall());
	if (password_init(c) != E_OK) {
		*why = "password: the hash parameters are not usable";
		return false;
	}
	password_yield_to(&app->shared->light_at);
	return true;
}

void
app_start_worker(struct app *app)
{
	const struct config *c = app->config;
	struct arena *a = arena_new(CONNINFO_ARENA);
	struct db_options db = db_options_of(a, c);

	app->db = db_new(&db);
	app->cache = cache_of(c, app->keys, &app->shared->redis_told);
	arena_free(&a);
}

/* What is written down behind the requests, and no request followed. */
static void
settle(struct app *app)
{
	struct arena *a = arena_new(SETTLE_ARENA);
	struct ctx *x = app_ctx(app, a);

	if (api_key_unsettled())
		api_key_settle(x);
	if (limit_settle_due(x, 0))
		limit_settle(x);
	arena_free(&a);
}

void
app_idle(struct app *app)
{
	settle(app);
	password_idle();
	printed_forget();
}

void
app_stop(struct app *app)
{
	settle(app);
	db_close(&app->db);
	cache_close(&app->cache);
	keyring_free(&app->keys);
	sodium_memzero(&app->jwt, sizeof(app->jwt));
}

struct ctx *
app_ctx(struct app *app, struct arena *a)
{
	struct ctx *x = ARENA_NEW(a, struct ctx);

	*x = (struct ctx){
		.config = app->config, .keys = app->keys, .jwt = &app->jwt,
		.db = app->db, .cache = app->cache, .shared = app->shared,
		.arena = a,
	};
	return x;
}
