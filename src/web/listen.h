#ifndef WEB_LISTEN_H
#define WEB_LISTEN_H

#include <stdbool.h>

/* How this process was started. */
enum run_mode { RUN_SOCKET = 1, RUN_CGI, RUN_COMMAND };

/*
 * Find that out. With LISTEN_FDS for this pid the socket is descriptor 3; else
 * it is descriptor 0, if that is a listening socket (spawn-fcgi, mod_fcgid,
 * lighttpd, systemd's StandardInput=socket). Without a socket GATEWAY_INTERFACE
 * means CGI, and no such variable a command line. *fd is set with RUN_SOCKET.
 * Takes LISTEN_PID and LISTEN_FDS out of the environment.
 */
enum run_mode listen_detect(int *fd);

/*
 * Make the socket of --listen: a path (mode 0660, a stale one is replaced), or
 * HOST:PORT with a numeric host. -1 with *why when that fails.
 */
int listen_make(const char *where, const char **why);

/*
 * Make an inherited or own socket ready for workers (not blocking). A TCP
 * socket is refused unless FCGI_WEB_SERVER_ADDRS names the peers that may
 * connect (row HB4): any peer of a FastCGI socket is trusted with every
 * parameter. False with *why.
 */
bool listen_prepare(int fd, const char **why);

/*
 * Accept a connection: its descriptor, or -1 with errno. A TCP peer that is not
 * in FCGI_WEB_SERVER_ADDRS is closed, with errno ECONNABORTED.
 */
int listen_accept(int fd);

/* Is fd a listening stream socket? */
bool listen_is(int fd);

#endif
