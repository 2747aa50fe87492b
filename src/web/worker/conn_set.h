#ifndef WEB_WORKER_CONN_SET_H
#define WEB_WORKER_CONN_SET_H

#include "http/transport/fcgi_input.h"
#include "http/transport/fcgi_out.h"

/*
 * All connections of a worker: what waits for what, how long, and how much of
 * it there may be (LIMIT_CONNECTIONS, LIMIT_HELD_BYTES; row HB5).
 */
enum conn_state {
	CONN_IDLE,    /* no request, after one */
	CONN_REQUEST, /* the first or the next one is on its way */
	CONN_HEAVY,   /* one is with a heavy worker */
	CONN_ANSWER,  /* the peer takes its answer */
	CONN_DRAIN,   /* closed, but for what the peer still sends */
	CONN_DEAD     /* dropped; gone at the next conn_set_bury */
};

struct conn {
	/* the set's */
	struct conn *older, *newer;
	struct conn_list *list;
	size_t bytes;		/* as the set counted them */
	unsigned asked, relay_asked; /* of epoll; 0: nothing */
	bool watched, relay_watched; /* known to epoll */
	enum conn_state state;
	int64_t until, last; /* when its time is over, at the latest */
	/* the connection's (conn.c) */
	int fd;
	int relay;	 /* from the heavy worker; -1: none */
	bool late;	 /* waited too long in the lane: answer E_BUSY */
	bool met;	 /* it had an answer before */
	bool ending;	 /* close it when its answer is sent */
	bool unread;	 /* a body was refused: drain it before */
	bool judged;	 /* the length of its body is not too large */
	bool half;	 /* the peer sends no more */
	bool in_record;	 /* the heavy worker's answer stops within one */
	size_t idle_bytes; /* that came between requests */
	struct fcgi_input in;
	struct fcgi_out out;
	struct fcgi_scan scan;
	char *rest; /* bytes that wait behind an answer; malloc */
	size_t nrest;
};

struct conn_list {
	struct conn *oldest, *newest;
};

struct conn_set {
	int poll_fd;
	struct conn_list idle, active;
	struct conn *dead;
	size_t count, bytes, most;
	size_t nactive;
	int64_t next; /* nobody's time is over before; monotonic µs */
};

/* Of at most so many, as descriptors are short. */
void conn_set_open(struct conn_set *s, int poll_fd, size_t most);
/* Close all connections. */
void conn_set_close(struct conn_set *s);

/* A connection over fd, which belongs to the set from now on. */
struct conn *conn_set_add(struct conn_set *s, int fd);

/* Close it. Its memory stays until conn_set_bury, for events on their way. */
void conn_set_drop(struct conn_set *s, struct conn *c);
void conn_set_bury(struct conn_set *s);

/* It is in that state now, and its time is over at until. */
void conn_set_state(struct conn_set *s, struct conn *c, enum conn_state state,
    int64_t until);

/*
 * Wait for events of its peer, or of its relay: then epoll's data is
 * conn_set_tag(c, relay). False: it was dropped, as epoll refused.
 */
bool conn_set_watch(struct conn_set *s, struct conn *c, bool relay,
    unsigned events);
#define CONN_RELAY 1u
struct conn *conn_set_of(void *data, bool *relay);

/* Close its relay. */
void conn_set_unrelay(struct conn *c);

/* Drop others until the bounds hold: who is idle first, then the oldest. */
void conn_set_keep_bounds(struct conn_set *s, struct conn *c);

/* ms until a time is over; -1: none ever. */
int conn_set_wait(const struct conn_set *s, int64_t now);

/*
 * Those whose time is over, the first CONN_LATE of them: all at once might be
 * thousands, and others wait. Their number; late has room for so many.
 */
#define CONN_LATE 64
size_t conn_set_expired(struct conn_set *s, int64_t now, struct conn **late);

#endif
