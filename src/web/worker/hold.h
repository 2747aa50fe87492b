#ifndef WEB_WORKER_HOLD_H
#define WEB_WORKER_HOLD_H

#include <sys/epoll.h>

#include "http/transport/transport_libfcgi.h"

/*
 * Connections that would keep a worker waiting wait here instead, in the
 * worker's epoll set: for the rest of a request, for a peer that takes no more
 * of its answer, for the end of a body that was refused. Their number
 * (LIMIT_HELD_CONNECTIONS) and bytes (LIMIT_HELD_BYTES) are bounded, the oldest
 * is dropped first; the time of each is bounded too (row HB5).
 */
struct hold;

/* A hold whose connections wait in the epoll set poll_fd; never NULL. */
struct hold *hold_new(int poll_fd);
/* Close all connections that still wait. */
void hold_free(struct hold **h);

/* How many connections wait. */
size_t hold_count(const struct hold *h);

/*
 * Hold conn, which now belongs to the hold, for its request: some bytes must
 * come within ms, then more every 5 s, and all of them in 20 s.
 */
void hold_request(struct hold *h, int conn, int ms);

/* Hold conn for the rest of its answer; rest.unsent now belongs to the hold. */
void hold_rest(struct hold *h, int conn, struct fcgi_rest rest);

/* ms until hold_expired has something to do; -1: nothing waits. */
int hold_wait(const struct hold *h);

/* A request that waits no more; its connection belongs to the caller. */
struct held_request {
	struct fcgi_request rq;
	struct fcgi_peek seen; /* in the arena a that was given */
	bool late;	  /* the request's time is over: answer E_TIMEOUT */
};

/*
 * Handle epoll's event of a held connection (data.ptr is not NULL). True: serve
 * *out. Ask epoll for one event at a time: this may drop other connections.
 */
bool hold_event(struct hold *h, struct arena *a,
    const struct epoll_event *ev, struct held_request *out);

/* Handle connections whose time is over; true as above, then call again. */
bool hold_expired(struct hold *h, struct arena *a, struct held_request *out);

/*
 * Look at what came over conn, without waiting and without taking it. True:
 * serve *out. False with errno EAGAIN: the request is not all there; else
 * this peer will send none.
 */
bool hold_look(struct hold *h, int conn, struct arena *a,
    struct held_request *out);

#endif
