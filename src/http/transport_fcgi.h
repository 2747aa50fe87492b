#ifndef HTTP_TRANSPORT_FCGI_H
#define HTTP_TRANSPORT_FCGI_H

#include "http/peek.h"
#include "http/transport.h"

/*
 * FastCGI 1.0, one request at a time, over connections somebody else
 * accepted. The one door to libfcgi, which only parses and writes records
 * here: its accept loop, signal handlers and closing waits are not used.
 */
struct fcgi;

/*
 * One per process. Call after the process has set its own SIGTERM, SIGUSR1
 * and SIGPIPE handlers: libfcgi leaves those alone. NULL when libfcgi does
 * not start.
 */
struct fcgi *transport_fcgi_new(void);
void transport_fcgi_free(struct fcgi **f);

/*
 * Wait for the next request on the connection and look at it: wait_ms for its
 * first byte. False: nothing came, or the peer has gone, or it is nothing to
 * serve; the caller closes.
 */
bool transport_fcgi_peek(int fd, int wait_ms, struct peek *out);

/*
 * Serve the request that waits on fd and was looked at. x has its arena and
 * lane_full set. Afterwards fd is closed (false) or stays open for the next
 * request because the web server asked for that (true). An Authorizer or
 * Filter is answered 403 without handler and without touching its body.
 */
bool transport_fcgi_serve(struct fcgi *f, int fd, const struct peek *seen,
    struct exchange *x, transport_handler *handler, void *obj);

#endif
