#ifndef WEB_WORKER_LANE_H
#define WEB_WORKER_LANE_H

#include "http/transport/transport_libfcgi.h"

/*
 * How a request that hashes a password gets from the light worker that accepted
 * it to a heavy one: the light one passes the connection over one
 * SOCK_SEQPACKET pair that all workers share. The kernel keeps the queue and
 * counts it (the send buffer holds LIMIT_HASH_QUEUE messages and not one
 * more), so a killed worker leaves no wrong count and loses no request but its
 * own.
 */
struct lane {
	int give; /* light workers' end, or -1 */
	int take; /* heavy workers' end, or -1 */
};

/* False with errno when the pair cannot be made. */
bool lane_open(struct lane *l);

/* Close the end that a process does not use; both close the lane. */
void lane_close_give(struct lane *l);
void lane_close_take(struct lane *l);

/*
 * Pass on a request's connection, with the file of its bytes if it has one.
 * False: the queue is full. The caller closes its own descriptors of both in
 * either case.
 */
bool lane_give(struct lane *l, const struct fcgi_request *rq);

/*
 * Take the next request, without waiting: LANE_TAKEN, LANE_EMPTY, or
 * LANE_CLOSED once no process can give any more. *late says that the request
 * waited longer than LIMIT_HASH_WAIT_MS (row PW10).
 */
enum lane_state { LANE_TAKEN, LANE_EMPTY, LANE_CLOSED };
enum lane_state lane_take(struct lane *l, struct fcgi_request *rq, bool *late);

/* How many requests wait in the lane. */
int lane_waiting(const struct lane *l);

#endif
