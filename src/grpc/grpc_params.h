#ifndef GRPC_GRPC_PARAMS_H
#define GRPC_GRPC_PARAMS_H

#include "grpc/h2/h2_stream.h"
#include "http/request.h"

/*
 * The metadata of a call as the parameters of a request: x-api-key is
 * HTTP_X_API_KEY, duplicates kept, so that all that reads headers reads
 * metadata. client is the peer's address, empty for a Unix socket. Pseudo
 * headers and "proxy" are left out.
 */
void grpc_params(struct request *rq, const struct h2_stream *st,
    struct str client);

#endif
