#ifndef STORE_REDIS_CACHE_PRIVATE_H
#define STORE_REDIS_CACHE_PRIVATE_H

#include <sys/types.h>

#include "store/redis/cache.h"

/*
 * The connection below store/redis/cache.h, for src/store only. We use our own
 * socket: hiredis 0.14 has no TLS, forgets its time-out when it reconnects, and
 * limits single reads instead of the round trip.
 */
struct tls;
struct parser;

struct cache {
	struct cache_options o;
	char *host, *password, *prefix;
	struct cache_instance instance;
	int fd; /* -1: none */
	struct tls *tls;
	short wants;	  /* poll events a read or write waits for */
	pid_t pid;	  /* who connected: it does not cross a fork */
	int64_t retry_at; /* the breaker is open until then */
	int64_t pause;	  /* current back-off, 0 when all is well */
	const char *why;  /* the last failure; NULL: all is well */
	uint64_t trips;
	struct parser *parser; /* of this connection, after its first reply */
	char in[16384];
};

/* Connect; NULL or what went wrong. A half-made connection is left to fail. */
const char *cache_conn_open(struct cache *c, int64_t deadline);

/* Is there a usable connection of this process? */
bool cache_conn_alive(const struct cache *c);

/* Discard the connection and, when it failed, open the breaker. */
void cache_conn_drop(struct cache *c);
void cache_conn_fail(struct cache *c, const char *why);

/* All is well again after failures. */
void cache_conn_back(struct cache *c);

/*
 * Why a server with this error is of no use; NULL where it still is. Counted
 * (runtime/metric.def, redis_errors_total).
 */
const char *cache_fault(const struct reply *r);

/* Send and receive n replies before the deadline; NULL or what went wrong. */
const char *cache_conn_talk(struct cache *c, struct arena *a,
    struct str bytes, struct reply *replies, size_t n, int64_t deadline);

/*
 * TLS (store/redis/cache_tls.c): handshake on a connected non-blocking fd, the
 * certificate verified against the system's authorities (or SSL_CERT_FILE)
 * and host. NULL and *why on failure. read and write return the bytes moved,
 * 0 with *wants set when they would block, -1 at the end or on an error.
 */
struct tls *cache_tls_open(int fd, const char *host, int64_t deadline,
    const char **why);
long cache_tls_read(struct tls *t, void *p, size_t n, short *wants);
long cache_tls_write(struct tls *t, const void *p, size_t n, short *wants);
/* polite: tell the peer. */
void cache_tls_close(struct tls *t, bool polite);

/*
 * Replies (store/redis/cache_reply.c), parsed into the arena; at most
 * REPLY_BYTES_MAX and REPLY_ITEMS_MAX in one round trip (row HB10).
 */
#define REPLY_BYTES_MAX (4u << 20)
#define REPLY_ITEMS_MAX 8192
/* One for a connection; NULL: no memory. Freed with the connection. */
struct parser *cache_parser_new(void);
void cache_parser_free(struct parser **p);
/* Expect n replies, whose bytes go into a. */
void cache_parser_begin(struct parser *p, struct arena *a,
    struct reply *replies, size_t n);
/* NULL or what is wrong; *done once all replies are there. */
const char *cache_parser_feed(struct parser *p, const char *bytes, size_t n,
    bool *done);

/* The source behind a SHA-1 in hexadecimal, or STR_NONE. */
struct str cache_script_source(struct str sha);

#endif
