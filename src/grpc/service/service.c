#include "grpc/service/service.h"

#include "grpc/proto/health.pb-c.h"
#include "grpc/proto/reflection.pb-c.h"
#include "grpc/proto/user.pb-c.h"

#define USER "/entativa.user.UserService/"
#define HEALTH "/grpc.health.v1.Health/"
#define REFLECTION "/grpc.reflection.v1.ServerReflection/"
#define REFLECTION_ALPHA "/grpc.reflection.v1alpha.ServerReflection/"

/* Who may call what: the same as the route of HTTP that does the same. */
#define CALL(at, caller, scope, limit) { .method = METHOD_GET, .path = (at), \
	.who = (caller), .need = (scope), .bucket = (limit), \
	.lane = LANE_LIGHT, .flags = ROUTE_PLAIN }
#define OPEN(at) { .path = (at) }

static const struct grpc_method methods[] = {
	{ CALL(USER "GetUser", WHO_USER_OR_KEY, "user:read", BUCKET_USER),
	    &entativa__user__get_user_request__descriptor, service_user_get,
	    false },
	{ CALL(USER "GetUsersByIDs", WHO_USER_OR_KEY, "user:read",
	    BUCKET_USER),
	    &entativa__user__get_users_by_ids_request__descriptor,
	    service_user_list, false },
	{ CALL(USER "ValidateToken", WHO_USER_OR_KEY, "tokens:read",
	    BUCKET_USER),
	    &entativa__user__validate_token_request__descriptor,
	    service_token_validate, false },
	{ CALL(USER "VerifyTwoFactor", WHO_FACTOR, "", BUCKET_ANONYMOUS),
	    &entativa__user__verify_two_factor_request__descriptor,
	    service_factor_verify, false },
	{ OPEN(HEALTH "Check"),
	    &grpc__health__v1__health_check_request__descriptor,
	    service_health_check, false },
	{ OPEN(REFLECTION "ServerReflectionInfo"),
	    &grpc__reflection__v1__server_reflection_request__descriptor,
	    service_reflection_info, true },
	{ OPEN(REFLECTION_ALPHA "ServerReflectionInfo"),
	    &grpc__reflection__v1__server_reflection_request__descriptor,
	    service_reflection_info, true },
};

static bool reflecting;

void
service_reflect(bool on)
{
	reflecting = on;
}

const struct grpc_method *
service_find(struct str path)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (str_eq(path, str_of(methods[i].row.path)))
			return methods[i].streaming && !reflecting ? NULL :
			    &methods[i];
	return NULL;
}

struct str
service_name(size_t i)
{
	static const char *const names[] = { USER, HEALTH, REFLECTION,
		REFLECTION_ALPHA };
	struct str s;

	if (i >= sizeof(names) / sizeof(*names))
		return STR_NONE;
	s = str_of(names[i]);
	return str_slice(s, 1, s.n - 1);
}
