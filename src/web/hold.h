#ifndef WEB_HOLD_H
#define WEB_HOLD_H

#include <sys/epoll.h>

#include "http/transport/transport_fcgi.h"

/*
 * Connections that would keep a worker waiting wait here instead, in its epoll
 * set: for the rest of a request, for a peer that takes no more of its answer,
 * for the end of a body that was refused. Bounded in number
 * (LIMIT_HELD_CONNECTIONS) and bytes (LIMIT_HELD_BYTES), where the oldest goes
 * first, and each in time (row HB5).
 */
struct hold;

/* To wait in poll_fd; never NULL. */
struct hold *hold_new(int poll_fd);
/* Close all that still wait. */
void hold_free(struct hold **h);

/* How many wait. */
size_t hold_count(const struct hold *h);

/*
 * conn is the hold's from here on. Of its request something must come within
 * ms, then more every 5 s, and all of it in 20 s.
 */
void hold_request(struct hold *h, int conn, int ms);

/* What is left of an answer; rest.unsent is the hold's. */
void hold_rest(struct hold *h, int conn, struct fcgi_rest rest);

/* ms until hold_expired has something to do; -1: nothing waits. */
int hold_wait(const struct hold *h);

/* A request that need not wait any more; its connection is the caller's. */
struct held_request {
	struct fcgi_request rq;
	struct fcgi_peek seen; /* of a: as long as a has it */
	bool late;	  /* its time was over: answer E_TIMEOUT */
};

/*
 * What epoll tells of one that waits (data.ptr is not NULL). True: *out is to
 * be served. Ask epoll for one event at a time: this may drop others.
 */
bool hold_event(struct hold *h, struct arena *a,
    const struct epoll_event *ev, struct held_request *out);

/* One whose time is over; true as above. Call again after a true. */
bool hold_expired(struct hold *h, struct arena *a, struct held_request *out);

/*
 * Look at what came over conn, without waiting and without taking it. True:
 * *out is to be served. False with errno EAGAIN: it is not all there; else
 * there is nothing to be had of this peer. out->seen holds until the next
 * call.
 */
bool hold_look(struct hold *h, int conn, struct arena *a,
    struct held_request *out);

#endif
