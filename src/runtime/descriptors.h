#ifndef RUNTIME_DESCRIPTORS_H
#define RUNTIME_DESCRIPTORS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

/* One message over a local socket, with two descriptors. */
#define DESCRIPTORS 2

/*
 * Send it without waiting; `at` may be NULL for a socket that is connected. The
 * descriptors stay the caller's. False with errno.
 */
bool descriptors_send(int to, const struct sockaddr_un *at, struct str bytes,
    const int fds[DESCRIPTORS]);

/*
 * Receive one of exactly n bytes, without waiting where wait is false. False:
 * none came, it was another one (whose descriptors are closed), or the peer is
 * gone (then errno is 0).
 */
bool descriptors_take(int from, bool wait, void *bytes, size_t n,
    int fds[DESCRIPTORS]);

#endif
