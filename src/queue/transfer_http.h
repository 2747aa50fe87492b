#ifndef QUEUE_TRANSFER_HTTP_H
#define QUEUE_TRANSFER_HTTP_H

#include <poll.h>

#include "base/arena.h"
#include "base/net.h"

/*
 * Many HTTP POSTs at once to hosts that strangers chose (rows WH2, WH4, WH5):
 * no redirects, no proxy, no cookies, TLS verified, the address checked at
 * every connection, little read of the answer, everything within 20 s. Part of
 * the one door to libcurl.
 */
struct http_pool;

#define HTTP_SHOWN 1024 /* bytes kept of an answer */
#define HTTP_HEADERS 16 /* of a request */

struct http_pool_options {
	int slots;
	const char *ca_file; /* "": the system's */
	/* May this address be connected to? */
	bool (*allow)(void *arg, const struct net_addr *addr);
	void *arg;
};

struct http_post {
	const char *url;
	/* "Name: value", NULL ends; at most HTTP_HEADERS; copied */
	const char *const *headers;
	struct str body; /* must live until the answer */
	void *arg;
};

struct http_answer {
	void *arg;
	long status;	     /* 0: none came */
	int64_t retry_after; /* µs, 0: not said */
	int64_t took;	     /* µs */
	const char *reason;  /* generic (row WH12); NULL: 2xx */
	char body[HTTP_SHOWN + 1]; /* valid UTF-8, cut */
};

/* NULL without memory. */
struct http_pool *http_pool_new(const struct http_pool_options *o);
/* What is under way is given up. */
void http_pool_free(struct http_pool **p);

/* Transfers under way. */
int http_pool_busy(const struct http_pool *p);

/* Begin one; there must be a free slot. False when it cannot begin. */
bool http_pool_start(struct http_pool *p, const struct http_post *post);

/*
 * Work until something ended, or other (may be NULL) is ready, but at most ms
 * milliseconds.
 */
void http_pool_work(struct http_pool *p, int ms, const struct pollfd *other);

/* The next that ended, or false. */
bool http_pool_next(struct http_pool *p, struct http_answer *out);

#endif
