/* GET /admin/audit-logs: filter, page, CSV and NDJSON */
#include "handlers/shared/admin.h"
#include "handlers/shared/audit.h"
#include "handlers/shared/handlers.h"

static enum err
run_admin_audit_logs(struct call *c)
{
	struct audit_filter f = { 0 };
	struct str format = admin_query(c, "format", NULL);
	enum err e = audit_query(c, &f);

	if (e != E_OK)
		return e;
	if (format.n == 0 || str_eq(format, STR("json")))
		return audit_answer(c, &f);
	if (str_eq(format, STR("csv")) || str_eq(format, STR("ndjson")))
		return audit_export(c, &f, format);
	return answer_bad_query(c, "format", "json, csv or ndjson");
}

const struct handler admin_audit_logs = { NULL, run_admin_audit_logs };
