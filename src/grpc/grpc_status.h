#ifndef GRPC_GRPC_STATUS_H
#define GRPC_GRPC_STATUS_H

#include "base/arena.h"
#include "base/err.h"

/* The status codes of gRPC that are answered here. */
enum grpc_status {
	GRPC_STATUS_OK = 0,
	GRPC_STATUS_INVALID_ARGUMENT = 3,
	GRPC_STATUS_DEADLINE_EXCEEDED = 4,
	GRPC_STATUS_NOT_FOUND = 5,
	GRPC_STATUS_PERMISSION_DENIED = 7,
	GRPC_STATUS_RESOURCE_EXHAUSTED = 8,
	GRPC_STATUS_FAILED_PRECONDITION = 9,
	GRPC_STATUS_UNIMPLEMENTED = 12,
	GRPC_STATUS_INTERNAL = 13,
	GRPC_STATUS_UNAVAILABLE = 14,
	GRPC_STATUS_UNAUTHENTICATED = 16
};

/* The status of an error, by its HTTP status (row GR5). */
enum grpc_status grpc_status_of(enum err e);

/*
 * text as the header grpc-message: printable ASCII stays, all else and '%' is
 * percent-encoded.
 */
struct str grpc_status_message(struct arena *a, struct str text);

#endif
