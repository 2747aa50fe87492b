#ifndef GRPC_H2_H2_SESSION_H
#define GRPC_H2_H2_SESSION_H

#include "grpc/h2/h2_stream.h"

/*
 * HTTP/2 of one connection, without its socket: bytes in, streams, bytes out.
 * The door to nghttp2. Bounds of row GR3 hold here: streams at once, bytes of a
 * message and of metadata, frames without work.
 */
struct h2_session;

/* Who serves the calls; obj is handed to each. */
struct h2_server {
	void *obj;
	/* The headers are there: set streaming, refused and until. */
	void (*open)(void *obj, struct h2_stream *st);
	/* It is ready: answer what there is. */
	void (*serve)(void *obj, struct h2_stream *st, struct str client);
	/* Its deadline is over: finish it. */
	void (*late)(void *obj, struct h2_stream *st);
};

struct h2_session *h2_session_new(const struct h2_server *server);
void h2_session_free(struct h2_session *s);

/* Bytes of the peer. False: it broke the protocol in a way nothing mends. */
bool h2_session_feed(struct h2_session *s, struct str bytes);

/* The next bytes for the peer, valid until the next call; empty: none now. */
struct str h2_session_output(struct h2_session *s);

/* Has the peer said its first words? */
bool h2_session_met(const struct h2_session *s);

/* Serve the oldest ready stream of a client; false: none is ready. */
bool h2_session_serve(struct h2_session *s, struct str client);
bool h2_session_ready(const struct h2_session *s);

/* End streams whose time is over. */
void h2_session_tick(struct h2_session *s, int64_t now);

/* How many streams are open. */
size_t h2_session_streams(const struct h2_session *s);

/* Did the peer send too many frames that ask for no work? */
bool h2_session_flooded(const struct h2_session *s);

/*
 * Say that the connection will end: first that no stream should be opened any
 * more, later (last) that none will be served beyond those that came.
 */
void h2_session_leave(struct h2_session *s, bool last);

/* Nothing more will be read or written. */
bool h2_session_over(const struct h2_session *s);

#endif
