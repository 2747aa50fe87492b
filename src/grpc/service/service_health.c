/* grpc.health.v1.Health: ready as /health/ready is */
#include "core/health.h"
#include "core/problem.h"
#include "grpc/proto/health.pb-c.h"
#include "grpc/service/service.h"

static bool
is_service(struct str name)
{
	struct str have;

	for (size_t i = 0; (have = service_name(i)).p; i++)
		if (str_eq(have, name))
			return true;
	return name.n == 0; /* all of it */
}

enum err
service_health_check(struct grpc_call *g, const ProtobufCMessage *in,
    const ProtobufCMessage **out)
{
	const Grpc__Health__V1__HealthCheckRequest *rq = (const void *)in;
	Grpc__Health__V1__HealthCheckResponse *re = ARENA_NEW(
	    g->call.ctx->arena, Grpc__Health__V1__HealthCheckResponse);
	bool degraded, ready;

	if (!is_service(grpc_wire_str(rq->service)))
		return problem_say(g->call.ctx, E_NOT_FOUND,
		    "There is no such service");
	ready = health_ready(g->call.ctx, &degraded)[0] == '\0';
	grpc__health__v1__health_check_response__init(re);
	re->status = ready ?
	    GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING :
	    GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
	*out = &re->base;
	return E_OK;
}
