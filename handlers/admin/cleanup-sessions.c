/* POST /admin/cleanup-sessions */
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

static enum err
run_cleanup_sessions(struct call *c)
{
	cJSON *data = json_object();
	int64_t deleted = 0;
	enum err e = admin_cleanup_sessions(c->ctx, admin_actor(c), &deleted);

	json_add_int(data, "deleted", deleted);
	return e != E_OK ? e : answer(c, 200, "Expired sessions deleted",
	    data);
}

const struct handler admin_cleanup = { NULL, run_cleanup_sessions };
