#ifndef GRPC_SERVICE_SERVICE_H
#define GRPC_SERVICE_SERVICE_H

#include "grpc/grpc_call.h"

/* The method of a path; NULL: there is none, or it is switched off. */
const struct grpc_method *service_find(struct str path);

/* Serve reflection too? Off until this is called. */
void service_reflect(bool on);

/* The full name of the i-th service; STR_NONE past the last. */
struct str service_name(size_t i);

/* The methods, one file each or two. */
typedef enum err service_method(struct grpc_call *g,
    const ProtobufCMessage *in, const ProtobufCMessage **out);
service_method service_user_get;
service_method service_user_list;
service_method service_token_validate;
service_method service_factor_verify;
service_method service_health_check;
service_method service_reflection_info;

#endif
