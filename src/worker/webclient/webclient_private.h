#ifndef WORKER_WEBCLIENT_WEBCLIENT_PRIVATE_H
#define WORKER_WEBCLIENT_WEBCLIENT_PRIVATE_H

#include <curl/curl.h>

#include "worker/webclient/webclient.h"

/* The inside of a pool. */
#define WEBCLIENT_READ_MAX ((size_t)16 << 10) /* answer; headers */

struct webclient_request {
	struct webclient_request *next; /* the next free one */
	CURL *easy;	   /* made when first used */
	/* the nodes of curl's list, to need no malloc */
	struct curl_slist headers[WEBCLIENT_HEADERS];
	char *head;				 /* the headers' text */
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
 * What epoll watches a descriptor for. A kept connection stays in the epoll set
 * between two transfers: to take it out and put it back would cost two calls a
 * transfer.
 */
struct watch {
	uint32_t events; /* 0: not in the epoll set */
	bool kept;	 /* a connection */
	bool idle;	 /* no transfer uses it now */
};

/*
 * Driven by epoll, because the cost of curl_multi_perform and curl_multi_poll
 * grows with the transfers under way, not with the events.
 */
struct webclient_pool {
	CURLM *multi;
	int epoll;
	struct watch *watches; /* by descriptor */
	size_t nwatches;
	int64_t due; /* µs, monotonic: curl wants to be called; 0: never */
	int running; /* less than busy: a transfer ended */
	struct webclient_pool_options o;
	struct webclient_request *slots;
	/* the last used one first: its memory is warm */
	struct webclient_request *free;
	int busy;
};

/* Make its curl handle, with what holds for all transfers (rows WH2 to WH5). */
void webclient_request_make(struct webclient_request *s);

/* Have curl tell p->epoll what it waits for. */
void webclient_poller_watch(struct webclient_pool *p);

/* curl made a connection's socket, or is about to close it. */
void webclient_poller_opened(struct webclient_pool *p, int fd);
int webclient_poller_close(void *pool, curl_socket_t fd);

#endif
