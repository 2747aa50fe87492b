#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/request.h"

/*
 * The client's address in canonical text (rows HB1, RL3): REMOTE_ADDR, unless
 * that is in the trusted networks and there is exactly one X-Forwarded-For;
 * then the rightmost address of that header outside the networks, or the
 * leftmost when all are trusted. A piece that is no address gives the peer. A
 * port behind an address is dropped. "0.0.0.0" without a usable REMOTE_ADDR.
 * *hidden: the address is this host's, but it speaks for a client that it may
 * not or does not name: what only this host may do, that client may not.
 */
struct str client_address(const struct request *r, const char *trusted,
    bool *hidden);

#endif
