#ifndef WORKER_WEBCLIENT_WEBCLIENT_POLLER_H
#define WORKER_WEBCLIENT_WEBCLIENT_POLLER_H

#include <curl/curl.h>

#include "worker/webclient/webclient_pool.h"

/*
 * The inside of a pool, for worker/webclient/webclient_pool.c,
 * worker/webclient/webclient_request.c
 * and worker/webclient/webclient_poller.c alone.
 */
#define WEBCLIENT_READ_MAX ((size_t)16 << 10) /* of an answer, and of its headers */

struct webclient_request {
	struct webclient_request *next; /* that is free */
	CURL *easy;	   /* made when first used */
	/* its nodes: no mallocs */
	struct curl_slist headers[WEBCLIENT_HEADERS];
	char *head;				 /* their text */
	size_t head_room;
	struct webclient_pool *pool;
	bool busy;
	bool denied;	/* an address was not allowed */
	size_t body_read;
	size_t head_read;
	size_t shown;
	char text[WEBCLIENT_SHOWN + 1];
	int64_t began;
	void *arg;
};

/*
 * What epoll watches a descriptor for. A connection that is kept stays in the
 * set between two transfers: to take it out and put it back in would be two
 * calls for each.
 */
struct watch {
	uint32_t events; /* 0: it is not in the set */
	bool kept;	 /* a connection */
	bool idle;	 /* no transfer uses it now */
};

/*
 * Driven by epoll: what curl_multi_perform and curl_multi_poll cost grows with
 * what is under way, not with what happens.
 */
struct webclient_pool {
	CURLM *multi;
	int epoll;
	struct watch *watches; /* by descriptor */
	size_t nwatches;
	int64_t due; /* µs, monotonic: curl wants to be called; 0: never */
	int running; /* less than busy: something ended */
	struct webclient_pool_options o;
	struct webclient_request *slots;
	/* the last used first: its memory is warm */
	struct webclient_request *free;
	int busy;
};

/* Its handle, made with all that holds for every transfer (rows WH2 to WH5). */
void webclient_request_make(struct webclient_request *s);

/* Have curl tell p->epoll what it waits for. */
void webclient_poller_watch(struct webclient_pool *p);

/* A connection's socket was made, or is to be closed. */
void webclient_poller_opened(struct webclient_pool *p, int fd);
int webclient_poller_close(void *pool, curl_socket_t fd);

#endif
