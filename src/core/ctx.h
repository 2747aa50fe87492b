#ifndef CORE_CTX_H
#define CORE_CTX_H

#include "base/err.h"
#include "config/config.h"
#include "crypto/jwt/jwt.h"
#include "crypto/keyring.h"
#include "runtime/shared.h"
#include "store/pg/db.h"
#include "store/redis/cache.h"

/* What a rule says of its error, see core/problem.h. */
struct problem {
	enum err err;
	const char *sentence; /* NULL: that of err */
	const char *field;    /* of E_VALIDATION; NULL: none */
	long retry_after;     /* seconds; 0: not said */
};

/*
 * What a rule may use: the doors this process owns, and the request it works
 * for. core sees no HTTP: the gate copies what it needs to know.
 */
struct ctx {
	/* of the process */
	const struct config *config;
	const struct keyring *keys;
	struct jwt_keys *jwt;
	struct db *db;
	struct cache *cache;
	struct shared *shared;
	/* of the request */
	struct arena *arena;
	struct str client;     /* address, text */
	bool hidden;	       /* it is not the client's, see whence.h */
	struct str user_agent;
	struct str request_id;
	struct str language;   /* Accept-Language, raw */
	struct str actor;      /* id of the session or key; STR_NONE: nobody */
	struct str actor_user; /* whose it is */
	/* see idempotency_id; STR_NONE: no key came */
	struct str idempotency_seed;
	struct problem problem; /* of the rule that failed last */
};

/* Where the request comes from, for a statement that writes it down. */
#define REQUESTER(x) .ip_address = (x)->client, \
	.user_agent = (x)->user_agent, .request_id = (x)->request_id

#endif
