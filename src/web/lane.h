#ifndef WEB_LANE_H
#define WEB_LANE_H

#include "http/transport/transport_fcgi.h"

/*
 * The way of a request that hashes a password from the light worker that
 * accepted it to a heavy one: its connection, passed over one
 * SOCK_SEQPACKET pair that all workers share. The kernel keeps the queue and
 * counts it (the send buffer holds LIMIT_HASH_QUEUE messages and not one
 * more), so a killed worker leaves no wrong count and takes nobody's request
 * but its own.
 */
struct lane {
	int give; /* light workers' end, or -1 */
	int take; /* heavy workers' end, or -1 */
};

/* False with errno when the pair cannot be made. */
bool lane_open(struct lane *l);

/* Close the end a process does not use; both for the lane as a whole. */
void lane_close_give(struct lane *l);
void lane_close_take(struct lane *l);

/*
 * Pass a request's connection on, with the file of its bytes where it has one.
 * False: the queue is full; both are still the caller's, as they are in its
 * process after true.
 */
bool lane_give(struct lane *l, const struct fcgi_request *rq);

/*
 * The next request, without waiting: LANE_TAKEN, LANE_EMPTY, or LANE_CLOSED
 * once nobody can give any more. *late says that it waited longer than
 * LIMIT_HASH_WAIT_MS (row PW10).
 */
enum lane_state { LANE_TAKEN, LANE_EMPTY, LANE_CLOSED };
enum lane_state lane_take(struct lane *l, struct fcgi_request *rq, bool *late);

/* Requests that wait in the lane. */
int lane_waiting(const struct lane *l);

#endif
