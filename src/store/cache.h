#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/*
 * The one door to hiredis. Holds only what may be lost. Every call has a
 * time-out; on any doubt about the protocol the connection is discarded; after
 * failures a circuit breaker answers E_UNAVAILABLE at once and tries again
 * with back-off (100 ms to 2 s). A cache without host is always unavailable.
 */
struct cache;

struct cache_options {
	const char *host; /* "/path" is a Unix socket, "" none */
	int port;
	const char *password;
	int db;
	bool tls;
	int64_t timeout; /* µs per round trip */
};

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
 * Scripts: SHA-1 by name, loaded on NOSCRIPT (once, in the same call's second
 * round trip). script_words fills argv[0..2] = EVALSHA sha numkeys.
 */
enum cache_script { SCRIPT_LIMIT, SCRIPT_COUNT };
struct str cache_script_sha(enum cache_script s);

/*
 * Which start of which server the connection leads to, asked once per
 * connection; 0 when it cannot be said. Another number than before: what
 * stands there may be older than what was written (security row RT9).
 */
uint64_t cache_server(struct cache *c, struct arena *a);

/* Round trip for /health: µs, or -1. */
int64_t cache_ping(struct cache *c, struct arena *a);
uint64_t cache_round_trips(const struct cache *c);

#endif
