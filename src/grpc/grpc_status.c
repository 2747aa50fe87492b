#include "grpc/grpc_status.h"

#include "base/buf.h"

#define MESSAGE_MOST 4096

enum grpc_status
grpc_status_of(enum err e)
{
	switch (err_status(e)) {
	case 200:
		return GRPC_STATUS_OK;
	case 400:
	case 415:
	case 422:
		return GRPC_STATUS_INVALID_ARGUMENT;
	case 401:
		return GRPC_STATUS_UNAUTHENTICATED;
	case 403:
		return GRPC_STATUS_PERMISSION_DENIED;
	case 404:
		return GRPC_STATUS_NOT_FOUND;
	case 405:
		return GRPC_STATUS_UNIMPLEMENTED;
	case 408:
		return GRPC_STATUS_DEADLINE_EXCEEDED;
	case 409:
		return GRPC_STATUS_FAILED_PRECONDITION;
	case 413:
	case 423:
	case 429:
	case 431:
		return GRPC_STATUS_RESOURCE_EXHAUSTED;
	case 503:
		return GRPC_STATUS_UNAVAILABLE;
	default:
		return GRPC_STATUS_INTERNAL;
	}
}

struct str
grpc_status_message(struct arena *a, struct str text)
{
	struct buf b = buf_new(a, MESSAGE_MOST);

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c >= 0x20 && c < 0x7f && c != '%')
			buf_byte(&b, (char)c);
		else
			buf_fmt(&b, "%%%02X", c);
	}
	return buf_str(&b);
}
