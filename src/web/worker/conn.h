#ifndef WEB_WORKER_CONN_H
#define WEB_WORKER_CONN_H

#include "web/worker/conn_set.h"
#include "web/worker/worker_shift.h"

/*
 * One web server's connection, or a light worker's to a heavy one: requests are
 * gathered while the worker serves others, served in turn, and their answers
 * sent as the peer takes them. docs/internals/transport.md.
 */
struct conn_world {
	struct worker_shift *shift;
	struct conn_set set;
	struct fcgi_out spare; /* an answer's memory, for the next one */
	bool leaving;	       /* every connection ends with its request */
	bool kept;	       /* in this turn came one that stays open */
	char chunk[32 << 10];  /* what was read last */
};

/*
 * A new connection; late says that it waited too long in the lane. The first
 * bytes are in the file `bytes`, where that is not -1; it stays the caller's.
 */
void conn_meet(struct conn_world *w, int fd, int bytes, bool late);

/* epoll's event of a connection or its relay. */
void conn_event(struct conn_world *w, void *data, unsigned events);

/* Its time is over: answer E_TIMEOUT to half a body, or drop it. */
void conn_late(struct conn_world *w, struct conn *c);

/*
 * The worker leaves: serve what has come, and close. What a peer sends from now
 * on fails there at once instead of being lost here.
 */
void conn_retire(struct conn_world *w, struct conn *c);

#endif
