#ifndef STORE_REDIS_CACHE_H
#define STORE_REDIS_CACHE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"
#include "crypto/keyring.h"

/*
 * The only way to hiredis. Redis keeps only what may be lost. Every call has a
 * time-out; on any doubt about the protocol the connection is dropped; after
 * failures a circuit breaker answers E_UNAVAILABLE at once and tries again with
 * back-off (100 ms to 2 s). A cache without a host is always unavailable.
 */
struct cache;

struct cache_options {
	const char *host; /* "/path" is a Unix socket, "" none */
	int port;
	const char *password;
	int db;
	bool tls;
	int64_t timeout; /* µs per round trip */
	const char *prefix; /* before all names; NULL: none */
	const struct cache_instance *instance; /* NULL: zeroes */
	_Atomic int64_t *told; /* see cache_of; may be NULL */
};

/* Whose entries these are, where several share one Redis (row SE8). */
struct cache_instance {
	char id[17];	 /* in names; no secret */
	uint8_t key[32]; /* of the codes */
};

/*
 * The configured one, of this instance: name and key by HKDF of the keyring's
 * key "cache" and service.name. told: monotonic µs at which a process of this
 * host last warned, shared by all of them; may be NULL.
 */
struct cache *cache_of(const struct config *c, const struct keyring *k,
    _Atomic int64_t *told);

struct cache *cache_new(const struct cache_options *o);
void cache_close(struct cache **c);
bool cache_configured(const struct cache *c);

/* One reply, copied into the arena. */
struct reply {
	enum { REPLY_NIL, REPLY_TEXT, REPLY_INT, REPLY_ARRAY, REPLY_ERROR } kind;
	struct str text;
	int64_t number;
	struct reply *item;
	size_t n;
};

/* A command as its argv, binary safe (row HB10). */
struct command {
	const struct str *argv;
	size_t argc;
};

/*
 * Send n commands in one round trip; replies receives n entries. E_OK also
 * when single replies are errors (kind REPLY_ERROR). E_UNAVAILABLE otherwise.
 */
enum err cache_pipeline(struct cache *c, struct arena *a,
    const struct command *commands, size_t n, struct reply *replies);

/* One command by its words. */
enum err cache_command(struct cache *c, struct arena *a, struct reply *reply,
    size_t argc, const struct str *argv);

/*
 * The SHA-1 of a script, for a command that begins with EVALSHA. Redis gets the
 * script itself when it does not know it: once, in the same call's second round
 * trip.
 */
enum cache_script { SCRIPT_LIMIT, SCRIPT_SETTLE, SCRIPT_NEWS, SCRIPT_COUNT };
struct str cache_script_sha(enum cache_script s);

/*
 * The name of a key: redis.prefix, kind ("session:") and its subject. The
 * second form adds the instance, for a subject that is not unique by itself.
 */
struct str cache_name(const struct cache *c, struct arena *a,
    const char *kind, struct str id);
struct str cache_name_here(const struct cache *c, struct arena *a,
    const char *kind, struct str id);

/*
 * The instance's code of n parts as one text (BLAKE2b with a key, RFC 7693):
 * where a part has no fixed size, let it be the last.
 */
#define CACHE_MAC 16
void cache_mac(const struct cache *c, const struct str *parts, size_t n,
    uint8_t out[CACHE_MAC]);

/*
 * One round trip for /health that does what requests do: read several keys, run
 * a script, write. µs, or -1 and *why, which says what is wrong and what to do.
 */
int64_t cache_probe(struct cache *c, struct arena *a, const char **why);
uint64_t cache_round_trips(const struct cache *c);

#endif
