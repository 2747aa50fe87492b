/* grpc.reflection: what tools ask to call methods without a .proto */
#include "grpc/proto/reflection.pb-c.h"
#include "grpc/service/service.h"

/* Each a FileDescriptorSet that holds one file; Makefile.am makes them. */
static const unsigned char user_set[] = {
#include "grpc/proto/user.set.h"
};
static const unsigned char health_set[] = {
#include "grpc/proto/health.set.h"
};
static const unsigned char reflection_set[] = {
#include "grpc/proto/reflection.set.h"
};
static const unsigned char alpha_set[] = {
#include "grpc/proto/reflection_v1alpha.set.h"
};

static const struct {
	const char *file, *package;
	const unsigned char *set;
	size_t n;
} files[] = {
	{ "user.proto", "entativa.user", user_set, sizeof(user_set) },
	{ "health.proto", "grpc.health.v1", health_set, sizeof(health_set) },
	{ "reflection.proto", "grpc.reflection.v1", reflection_set,
	    sizeof(reflection_set) },
	{ "reflection_v1alpha.proto", "grpc.reflection.v1alpha", alpha_set,
	    sizeof(alpha_set) },
};
#define FILES (sizeof(files) / sizeof(*files))

enum { NOT_FOUND = 5, UNIMPLEMENTED = 12 };

typedef Grpc__Reflection__V1__ServerReflectionRequest request_message;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_message;

/* The file within its set: a tag and a length stand before it. */
static struct str
file_bytes(size_t i)
{
	size_t at = 1;

	while (files[i].set[at] & 0x80)
		at++;
	at++;
	return (struct str){ (const char *)files[i].set + at,
		files[i].n - at };
}

/* The file of a symbol: a name within its package. */
static bool
file_of_symbol(struct str symbol, size_t *i)
{
	for (*i = 0; *i < FILES; (*i)++) {
		struct str package = str_of(files[*i].package);

		if (str_starts(symbol, package) && symbol.n > package.n &&
		    symbol.p[package.n] == '.')
			return true;
	}
	return false;
}

static bool
file_of_name(struct str name, size_t *i)
{
	for (*i = 0; *i < FILES; (*i)++)
		if (str_eq(name, str_of(files[*i].file)))
			return true;
	return false;
}

static void
say_error(struct arena *a, response_message *re, int code, const char *why)
{
	Grpc__Reflection__V1__ErrorResponse *e = ARENA_NEW(a,
	    Grpc__Reflection__V1__ErrorResponse);

	grpc__reflection__v1__error_response__init(e);
	e->error_code = code;
	e->error_message = grpc_wire_text(str_of(why));
	re->message_response_case =
	    GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
	re->error_response = e;
}

static void
say_file(struct arena *a, response_message *re, bool found, size_t i)
{
	Grpc__Reflection__V1__FileDescriptorResponse *f = ARENA_NEW(a,
	    Grpc__Reflection__V1__FileDescriptorResponse);

	if (!found) {
		say_error(a, re, NOT_FOUND, "there is no such symbol or file");
		return;
	}
	grpc__reflection__v1__file_descriptor_response__init(f);
	f->file_descriptor_proto = ARENA_NEW(a, ProtobufCBinaryData);
	f->file_descriptor_proto[0] = grpc_wire_text(file_bytes(i));
	f->n_file_descriptor_proto = 1;
	re->message_response_case =
	    GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
	re->file_descriptor_response = f;
}

static void
say_services(struct arena *a, response_message *re)
{
	Grpc__Reflection__V1__ListServiceResponse *l = ARENA_NEW(a,
	    Grpc__Reflection__V1__ListServiceResponse);

	grpc__reflection__v1__list_service_response__init(l);
	l->service = arena_array(a, FILES, sizeof(*l->service));
	for (; l->n_service < FILES; l->n_service++) {
		Grpc__Reflection__V1__ServiceResponse *s = ARENA_NEW(a,
		    Grpc__Reflection__V1__ServiceResponse);

		grpc__reflection__v1__service_response__init(s);
		s->name = grpc_wire_text(service_name(l->n_service));
		l->service[l->n_service] = s;
	}
	re->message_response_case =
	    GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
	re->list_services_response = l;
}

static void
say(struct arena *a, response_message *re, const request_message *rq)
{
	size_t i = 0;
	bool found;

	switch ((int)rq->message_request_case) {
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
		found = file_of_name(grpc_wire_str(rq->file_by_filename), &i);
		say_file(a, re, found, i);
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
		found = file_of_symbol(grpc_wire_str(
		    rq->file_containing_symbol), &i);
		say_file(a, re, found, i);
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
		say_services(a, re);
		return;
	default:
		say_error(a, re, UNIMPLEMENTED, "there are no extensions");
	}
}

enum err
service_reflection_info(struct grpc_call *g, const ProtobufCMessage *in,
    const ProtobufCMessage **out)
{
	const request_message *rq = (const void *)in;
	struct arena *a = g->call.ctx->arena;
	response_message *re = ARENA_NEW(a, response_message);

	grpc__reflection__v1__server_reflection_response__init(re);
	re->valid_host = rq->host;
	re->original_request = (request_message *)(uintptr_t)rq;
	say(a, re, rq);
	*out = &re->base;
	return E_OK;
}
