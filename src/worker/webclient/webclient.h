#ifndef WORKER_WEBCLIENT_WEBCLIENT_H
#define WORKER_WEBCLIENT_WEBCLIENT_H

#include <poll.h>

#include "base/arena.h"
#include "base/net.h"

/*
 * Many HTTP POSTs at once to hosts that strangers chose (rows WH2, WH4, WH5):
 * no redirects, no proxy, no cookies, TLS verified, the address checked at
 * every connection, only the start of the answer read, everything within 20 s.
 * Part of the one door to libcurl.
 */
struct webclient_pool;

#define WEBCLIENT_SHOWN 1024 /* bytes kept of an answer */
#define WEBCLIENT_HEADERS 16 /* of a request */

struct webclient_pool_options {
	int slots;
	const char *ca_file; /* "": the system's */
	/* May we connect to this address? */
	bool (*allow)(void *arg, const struct net_addr *addr);
	void *arg;
};

struct webclient_post {
	const char *url;
	/* "Name: value", ended by NULL; at most WEBCLIENT_HEADERS; copied */
	const char *const *headers;
	struct str body; /* must live until the answer */
	void *arg;
};

struct webclient_answer {
	void *arg;
	long status;	     /* 0: no answer came */
	int64_t retry_after; /* µs, 0: not given */
	int64_t took;	     /* µs */
	const char *reason;  /* generic (row WH12); NULL: 2xx */
	char body[WEBCLIENT_SHOWN + 1]; /* valid UTF-8, cut */
};

/* Ends the process when there is no memory or descriptor for it. */
struct webclient_pool *webclient_pool_new(
    const struct webclient_pool_options *o);
/* Give up all transfers under way. */
void webclient_pool_free(struct webclient_pool **p);

/* Transfers under way. */
int webclient_pool_busy(const struct webclient_pool *p);

/* Begin a transfer; there must be a free slot. False when it cannot begin. */
bool webclient_pool_start(struct webclient_pool *p,
    const struct webclient_post *post);

/*
 * Work until a transfer ended, or other (may be NULL) is ready, but at most ms
 * milliseconds.
 */
void webclient_poller_work(struct webclient_pool *p, int ms,
    const struct pollfd *other);

/* The answer of the next transfer that ended; false: there is none. */
bool webclient_pool_next(struct webclient_pool *p,
    struct webclient_answer *out);

#endif
