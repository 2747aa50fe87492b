/* POST /auth/introspect: the bare answer of RFC 7662, 2.2 */
#include "core/session/introspect.h"
#include "handlers/shared/handlers.h"

enum { TOKEN };

static const struct field fields[] = {
	[TOKEN] = { .name = "token", .type = FIELD_TOKEN, .required = true,
		.doc = "An access or refresh token" },
	{ 0 },
};

static enum err
run_introspect(struct call *c)
{
	struct introspection i;
	cJSON *data = json_object();
	enum err e = introspect(c->ctx, given(c, TOKEN), &i);

	if (e != E_OK)
		return e;
	json_add_bool(data, "active", i.active);
	c->re->bare = true;
	if (!i.active)
		return answer(c, 200, "", data);
	json_add_str(data, "token_type", str_of(i.type));
	json_add_str(data, "sub", i.sub);
	json_add_str(data, "username", i.username);
	json_add_str(data, "sid", i.sid);
	if (i.scope.n)
		json_add_str(data, "scope", i.scope);
	json_add_str(data, "iss", str_of(signing_issuer(c->ctx->config)));
	json_add_str(data, "aud", str_of(c->ctx->config->jwt_audience));
	json_add_int(data, "exp", i.exp);
	json_add_int(data, "iat", i.iat);
	return answer(c, 200, "", data);
}

const struct handler auth_introspect = { fields, run_introspect };
