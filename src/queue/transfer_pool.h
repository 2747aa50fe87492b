#ifndef QUEUE_TRANSFER_POOL_H
#define QUEUE_TRANSFER_POOL_H

#include <curl/curl.h>

#include "queue/transfer_http.h"

/*
 * The inside of a pool, for queue/transfer_http.c, queue/transfer_http_slot.c
 * and queue/transfer_pool.c alone.
 */
#define HTTP_READ_MAX ((size_t)16 << 10) /* of an answer, and of its headers */

struct slot {
	struct slot *next; /* that is free */
	CURL *easy;	   /* made when first used */
	struct curl_slist headers[HTTP_HEADERS]; /* its nodes: no mallocs */
	char *head;				 /* their text */
	size_t head_room;
	struct http_pool *pool;
	bool busy;
	bool denied;	/* an address was not allowed */
	size_t body_read;
	size_t head_read;
	size_t shown;
	char text[HTTP_SHOWN + 1];
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
struct http_pool {
	CURLM *multi;
	int epoll;
	struct watch *watches; /* by descriptor */
	size_t nwatches;
	int64_t due; /* µs, monotonic: curl wants to be called; 0: never */
	int running; /* less than busy: something ended */
	struct http_pool_options o;
	struct slot *slots;
	struct slot *free; /* the last used first: its memory is warm */
	int busy;
};

/* Its handle, made with all that holds for every transfer (rows WH2 to WH5). */
void http_slot_make(struct slot *s);

/* Have curl tell p->epoll what it waits for. */
void http_pool_watch(struct http_pool *p);

/* A connection's socket was made, or is to be closed. */
void http_pool_opened(struct http_pool *p, int fd);
int http_pool_close(void *pool, curl_socket_t fd);

#endif
