/* VerifyTwoFactor: the road of HTTP's /2fa/verify, and its budgets (row RL6) */
#include "core/factor/factor_verify.h"
#include "core/problem.h"
#include "grpc/proto/user.pb-c.h"
#include "grpc/service/service.h"

/* Whose factor: a key's subject, or the caller himself. */
static enum err
subject_of_call(struct grpc_call *g, struct str user_id,
    struct subject *out)
{
	const struct actor *who = &g->call.actor;

	if (who->key)
		return subject_of_key(g->call.ctx, who->key, user_id, false,
		    out);
	if (who->session == NULL) /* a login's challenge ends at HTTP's */
		return who->challenge.n ? E_TOKEN_INVALID : who->refusal;
	if (user_id.n && !str_eq_nocase(user_id, who->session->account.id))
		return E_FORBIDDEN;
	*out = subject_of_account(&who->session->account);
	return E_OK;
}

enum err
service_factor_verify(struct grpc_call *g, const ProtobufCMessage *in,
    const ProtobufCMessage **out)
{
	const Entativa__User__VerifyTwoFactorRequest *rq = (const void *)in;
	struct arena *a = g->call.ctx->arena;
	Entativa__User__VerifyTwoFactorResponse *re = ARENA_NEW(a,
	    Entativa__User__VerifyTwoFactorResponse);
	struct factor_try t = { .code = grpc_wire_str(rq->code) };
	struct factor_proof proof;
	struct subject s;
	enum err e = subject_of_call(g, str_trim(grpc_wire_str(rq->user_id)),
	    &s);

	if (e == E_NOT_FOUND)
		return problem_say(g->call.ctx, e, "There is no such user");
	if (e != E_OK)
		return e;
	if (t.code.n == 0 || t.code.n > 64)
		return problem_field(g->call.ctx, "code",
		    "Please give the code of the second factor");
	e = factor_verify(g->call.ctx, &s, g->call.actor.session, &t, &proof);
	if (e != E_OK && e != E_FACTOR_INVALID)
		return e;
	entativa__user__verify_two_factor_response__init(re);
	re->valid = e == E_OK;
	if (re->valid)
		re->method = grpc_wire_text(proof.method);
	*out = &re->base;
	return E_OK;
}
