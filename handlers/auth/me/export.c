/* GET /auth/me/export */
#include "core/account/erase.h"
#include "handlers/shared/handlers.h"

static enum err
run_export(struct call *c)
{
	cJSON *data;
	enum err e = erase_export(c->ctx, c->actor.session->account.id,
	    &data);

	return e != E_OK ? e : answer(c, 200, "Everything the service holds "
	    "about you",
	    data);
}

const struct handler auth_me_export = { NULL, run_export };
