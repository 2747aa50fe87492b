/* ValidateToken: what HTTP's introspection says of an access token */
#include "base/clock_text.h"
#include "core/problem.h"
#include "core/session/introspect.h"
#include "grpc/proto/user.pb-c.h"
#include "grpc/service/service.h"

/*
 * An application's key judges every token; a user with a token of his own only
 * those of his own, which he could use as well.
 */
static bool
may_learn(const struct grpc_call *g, const struct introspection *i)
{
	const struct session *s = g->call.actor.session;

	return s == NULL || str_eq(s->account.id, i->sub);
}

static void
fill(struct arena *a, const struct introspection *i,
    Entativa__User__ValidateTokenResponse *re)
{
	re->valid = true;
	re->user_id = grpc_wire_text(i->sub);
	re->session_id = grpc_wire_text(i->sid);
	re->expires_at = grpc_wire_text(clock_iso(a, i->exp * CLOCK_SECOND));
	re->roles = grpc_wire_list(a, i->roles, ',', &re->n_roles);
	re->permissions = grpc_wire_list(a, i->scope, ' ',
	    &re->n_permissions);
}

enum err
service_token_validate(struct grpc_call *g, const ProtobufCMessage *in,
    const ProtobufCMessage **out)
{
	const Entativa__User__ValidateTokenRequest *rq = (const void *)in;
	struct arena *a = g->call.ctx->arena;
	Entativa__User__ValidateTokenResponse *re = ARENA_NEW(a,
	    Entativa__User__ValidateTokenResponse);
	struct str token = str_trim(grpc_wire_str(rq->token));
	struct introspection i;
	enum err e;

	if (token.n == 0)
		return problem_field(g->call.ctx, "token",
		    "This field is required");
	e = introspect(g->call.ctx, token, &i);
	if (e != E_OK)
		return e;
	entativa__user__validate_token_response__init(re);
	/* A refresh token opens nothing. */
	if (i.active && strcmp(i.type, "access_token") == 0 &&
	    may_learn(g, &i))
		fill(a, &i, re);
	*out = &re->base;
	return E_OK;
}
