#ifndef HTTP_TRANSPORT_TRANSPORT_CGI_H
#define HTTP_TRANSPORT_TRANSPORT_CGI_H

#include "http/transport/transport.h"

/*
 * Plain CGI (RFC 3875): serve the one request of this process from env
 * ("NAME=VALUE", NULL at the end), standard input and standard output. The
 * command line is not looked at: a query without '=' arrives there.
 */
void transport_cgi_serve(struct arena *arena, char *const *env,
    transport_handler *handler, void *obj);

#endif
