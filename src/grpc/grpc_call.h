#ifndef GRPC_GRPC_CALL_H
#define GRPC_GRPC_CALL_H

#include "grpc/grpc_status.h"
#include "grpc/grpc_wire.h"
#include "grpc/h2/h2_session.h"
#include "web/app.h"
#include "web/route.h"

/*
 * A call: from the headers and the message of a stream to its answer. It passes
 * the same gate as a request of HTTP (web/gate.h), by a row of its own.
 */
struct grpc_call {
	struct call call; /* ctx, actor, and re: headers that are trailers */
	struct app *app;
	struct str message; /* of the request, as it came */
};

/* A method: a row of the table in grpc/service/service.c. */
struct grpc_method {
	/* path is "/package.Service/Method"; who 0: anybody, no limit */
	struct route row;
	const ProtobufCMessageDescriptor *request;
	/*
	 * Answer in, which is a struct of that type. *out lives in the arena.
	 * The errors are core's.
	 */
	enum err (*run)(struct grpc_call *g, const ProtobufCMessage *in,
	    const ProtobufCMessage **out);
	bool streaming; /* any number of requests, each answered in turn */
};

/* What the processes of postern-grpc serve by. */
struct grpc_server {
	struct app app;
	struct arena *arena; /* of the call in hand */
	struct h2_server h2; /* its obj is this */
	int64_t usual_time;  /* µs for a call that asks for no deadline */
	/* the method of a path; NULL: there is none */
	const struct grpc_method *(*find)(struct str path);
};

/* Fill in h2; obj is s. */
void grpc_call_server(struct grpc_server *s);

#endif
