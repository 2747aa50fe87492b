#ifndef GRPC_H2_H2_CONN_H
#define GRPC_H2_H2_CONN_H

#include "grpc/h2/h2_session.h"
#include "grpc/h2/h2_tls.h"

#define H2_CONN_ADDRESS 64

/*
 * A connection: its socket, TLS, and what it is allowed to take of our time.
 */
struct h2_conn {
	struct h2_conn *next;
	int fd;
	struct h2_tls *tls; /* NULL: none */
	struct h2_session *session;
	char client[H2_CONN_ADDRESS]; /* "" of a Unix socket */
	struct h2_bytes out;	      /* for the socket, from sent on */
	size_t sent;
	unsigned watched;    /* events epoll was asked for */
	bool more;	     /* bytes wait in TLS */
	bool blocked;	     /* the socket takes no more */
	bool wants_write;    /* TLS, in order to read */
	bool closing;	     /* nothing more is read or served */
	bool said_bye, dead;
	int64_t began, busy_at, moved_at; /* monotonic µs */
};

/* Of an accepted socket, which belongs to it; NULL: no memory, it is closed. */
struct h2_conn *h2_conn_new(int fd, const struct h2_server *server,
    struct h2_tls_server *tls);
void h2_conn_free(struct h2_conn *c);

/* The socket is readable or writable: read, and send what there is. */
void h2_conn_event(struct h2_conn *c);

/* Serve one call if one is ready, and send. False: none was. */
bool h2_conn_serve(struct h2_conn *c);
bool h2_conn_ready(const struct h2_conn *c);

/*
 * What time has ended: the first words (5 s), a peer that takes nothing (10
 * s), streams past their deadline, a connection with nothing to do.
 */
void h2_conn_tick(struct h2_conn *c, int64_t now);

/* As h2_session_leave. */
void h2_conn_leave(struct h2_conn *c, bool last);

/* Events to wait for, of epoll. */
unsigned h2_conn_wants(const struct h2_conn *c);

/* Has it no call in hand and nothing to send? */
bool h2_conn_idle(const struct h2_conn *c);

#endif
