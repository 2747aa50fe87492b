/* POST /auth/refresh */
#include "core/session/refresh.h"
#include "handlers/shared/handlers.h"

enum { REFRESH_TOKEN };

static const struct field fields[] = {
	[REFRESH_TOKEN] = { .name = "refresh_token", .type = FIELD_TOKEN,
		.required = true,
		.doc = "The latest refresh token of the session" },
	{ 0 },
};

static enum err
run_refresh(struct call *c)
{
	struct tokens *t;
	cJSON *data = json_object();
	/* The same key gets a lost answer again within 60 s. */
	enum err e = refresh(c->ctx, given(c, REFRESH_TOKEN),
	    request_header(c->rq, "HTTP_IDEMPOTENCY_KEY"), &t);

	if (e != E_OK)
		return e;
	answer_tokens(data, t);
	return answer(c, 200, "Token refreshed successfully", data);
}

const struct handler auth_refresh = { fields, run_refresh };
