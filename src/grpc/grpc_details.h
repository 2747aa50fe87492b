#ifndef GRPC_GRPC_DETAILS_H
#define GRPC_GRPC_DETAILS_H

#include "core/ctx.h"
#include "grpc/grpc_status.h"

/*
 * The trailer grpc-status-details-bin of an error: google.rpc.Status with
 * ErrorInfo (reason: the machine code of HTTP's answer), RetryInfo where there
 * is a time to wait, BadRequest where a field is wrong. base64 without padding.
 */
struct str grpc_details(struct arena *a, enum grpc_status status,
    const struct problem *p);

#endif
