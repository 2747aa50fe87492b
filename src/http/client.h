#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/request.h"

/*
 * The client's address in canonical text (rows HB1, RL3): REMOTE_ADDR, unless
 * that is in the trusted networks and there is exactly one X-Forwarded-For;
 * then its rightmost address outside them, or its leftmost when all are
 * trusted. A piece that is no address gives the peer. A port behind an
 * address is dropped. Without a usable REMOTE_ADDR it is "0.0.0.0".
 * *hidden: the address is this host's, but it speaks for somebody whom it may
 * not name, or does not: what is open to this host alone is not open to him.
 */
struct str client_address(const struct request *r, const char *trusted,
    bool *hidden);

#endif
