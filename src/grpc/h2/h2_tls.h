#ifndef GRPC_H2_H2_TLS_H
#define GRPC_H2_H2_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * TLS of a listening server by OpenSSL: 1.2 or later, HTTP/2 only (ALPN), and
 * with a CA for clients no client without a certificate of it (row GR1).
 */
struct h2_tls_server;
struct h2_tls;

/*
 * PEM files; client_ca may be "". NULL with *why, a sentence with no secret.
 * Call before the fork: workers read no key.
 */
struct h2_tls_server *h2_tls_server_new(const char *cert, const char *key,
    const char *client_ca, const char **why);

/* A connection over fd, which stays the caller's. NULL: no memory. */
struct h2_tls *h2_tls_new(struct h2_tls_server *server, int fd);
void h2_tls_free(struct h2_tls *t);

/*
 * As read(2) and write(2) of a descriptor that does not block; the handshake
 * is made on the way. -1 with errno EAGAIN (*wants_write: for room to write)
 * or EPROTO.
 */
ssize_t h2_tls_read(struct h2_tls *t, void *p, size_t n, bool *wants_write);
ssize_t h2_tls_write(struct h2_tls *t, const void *p, size_t n);

/* Are there bytes that were received and not read? */
bool h2_tls_pending(const struct h2_tls *t);

/* Tell the peer that no more will be written. */
void h2_tls_bye(struct h2_tls *t);

#endif
