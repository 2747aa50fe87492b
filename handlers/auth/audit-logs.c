/* GET /auth/audit-logs: what happened to one's own account (row LO5) */
#include "handlers/shared/admin.h"
#include "handlers/shared/audit.h"
#include "handlers/shared/handlers.h"

static enum err
run_own_audit_logs(struct call *c)
{
	struct audit_filter f = { 0 };
	enum err e = audit_query(c, &f);

	f.user = c->actor.session->account.id;
	return e != E_OK ? e : audit_answer(c, &f);
}

const struct handler auth_audit_logs = { NULL, run_own_audit_logs };
