#ifndef WEB_APP_H
#define WEB_APP_H

#include "core/ctx.h"

/* What a web process owns, one per process. The doors open after the fork. */
struct app {
	const struct config *config;
	struct keyring *keys;
	struct jwt_keys jwt;
	struct db *db;
	struct cache *cache;
	struct shared *shared;
};

/*
 * Before the fork: make keys, shared memory, password parameters, the route
 * table. False with *why, a sentence that names what is wrong.
 */
bool app_init(struct app *app, const struct config *c, const char **why);

/* After the fork, or in a single process: its own doors, opened lazily. */
void app_start_worker(struct app *app);

/* A worker had nothing to do for a second. */
void app_idle(struct app *app);

/* Close the doors and wipe the keys. */
void app_stop(struct app *app);

/* A context in a, for work outside a request (start, idle). */
struct ctx *app_ctx(struct app *app, struct arena *a);

#endif
