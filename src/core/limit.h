#ifndef CORE_LIMIT_H
#define CORE_LIMIT_H

#include "core/ctx.h"

/*
 * One bucket of the limit table (contract 3.9). Redis keeps the sliding
 * window; without it a durable bucket (login, registration, reset, codes) is
 * charged in Postgres and any other is open (contract 3.11).
 */
struct limit {
	const char *name; /* "login": part of the key */
	struct str whose; /* canonical address or user id */
	long max;
	int64_t window;	  /* µs */
	bool durable;
	/* filled by taking */
	bool known;	  /* the rest was counted */
	long remaining;
	int64_t reset;	  /* Unix seconds */
	long retry_after; /* seconds, when refused */
};

/* Take one. E_OK or E_LIMITED with ctx->retry_after. */
enum err limit_take(struct ctx *x, struct limit *l);

/* The same where Redis did not answer. */
enum err limit_without_cache(struct ctx *x, struct limit *l);

/* The Redis command of it, and what its reply says. */
struct command limit_command(struct ctx *x, const struct limit *l);
enum err limit_reply(struct ctx *x, struct limit *l, const struct reply *r);

/* A network for lockout and limits: IPv4 /32, IPv6 /64 (row RL3). */
struct str limit_network(struct ctx *x);

#endif
