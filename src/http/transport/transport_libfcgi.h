#ifndef HTTP_TRANSPORT_TRANSPORT_LIBFCGI_H
#define HTTP_TRANSPORT_TRANSPORT_LIBFCGI_H

#include "http/transport/fcgi_peek.h"
#include "http/transport/transport.h"

/*
 * FastCGI 1.0, one request at a time, over connections somebody else
 * accepted. The one door to libfcgi, which only parses records here: its
 * accept loop, signal handlers, closing waits and writing are not used.
 */
struct fcgi;

/*
 * One per process. Call after the process has set its own SIGTERM, SIGUSR1
 * and SIGPIPE handlers: libfcgi leaves those alone. NULL when libfcgi does
 * not start.
 */
struct fcgi *transport_libfcgi_new(void);
void transport_libfcgi_free(struct fcgi **f);

/* What is left to do with its connection, which is the caller's again. */
struct fcgi_rest {
	enum {
		FCGI_GONE,  /* nothing: libfcgi has closed it */
		FCGI_CLOSE, /* close it */
		FCGI_KEEP,  /* the web server asked for the next request */
		FCGI_DRAIN  /* read what it still sends, or it is reset */
	} then;
	struct str unsent; /* of the answer, before that; to be freed */
};

/*
 * Serve one request; x has its arena, err and lane_full set, bytes is closed.
 * It waits for nobody: what the peer does not take of the answer at once is
 * the rest, up to LIMIT_ANSWER; beyond (an answer of several writes) it waits
 * for the peer up to 5 s at a time, 20 s in all. An Authorizer or Filter is
 * answered 403 without handler and without touching its body.
 */
struct fcgi_rest transport_libfcgi_serve(struct fcgi *f,
    const struct fcgi_request *rq, struct exchange *x,
    transport_handler *handler, void *obj);

#endif
