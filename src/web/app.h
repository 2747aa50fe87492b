#ifndef WEB_APP_H
#define WEB_APP_H

#include "core/ctx.h"

/* What a web process owns. One per process; the doors open after fork. */
struct app {
	const struct config *config;
	struct keyring *keys;
	struct jwt_keys jwt;
	struct db *db;
	struct cache *cache;
	struct shared *shared;
};

/*
 * Before fork: keys, shared memory, password parameters, the route table.
 * false, with *why a sentence that names what is wrong.
 */
bool app_init(struct app *app, const struct config *c, const char **why);

/* After fork, or in the single process: doors of its own, opened lazily. */
void app_start_worker(struct app *app);

/* A worker had nothing to do for a second. */
void app_idle(struct app *app);

/* Close the doors and wipe the keys. */
void app_stop(struct app *app);

/* A context for work outside a request (start, idle); in a. */
struct ctx *app_ctx(struct app *app, struct arena *a);

#endif
