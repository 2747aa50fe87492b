/* GET /.well-known/jwks.json (RFC 7517): public keys only */
#include "core/session/signing.h"
#include "handlers/shared/handlers.h"

static enum err
run_jwks(struct call *c)
{
	enum err e = signing_refresh(c->ctx, true);

	if (e != E_OK)
		return e;
	c->re->raw = jwt_jwks(c->ctx->arena, c->ctx->jwt);
	c->re->content_type = "application/jwk-set+json";
	response_header(c->re, "Cache-Control", STR("public, max-age=300"));
	return answer(c, 200, "", NULL);
}

const struct handler jwks = { NULL, run_jwks };
