#include "base/clock.h"
#include "ctl/ctl.h"

static struct {
	bool all;
	const char *since;
} retry;

static const char *owner;

static const struct ctl_option list_options[] = {
	{ "owner", CTL_TEXT, &owner, "only those of this address" },
	{ 0 },
};

static const struct ctl_option retry_options[] = {
	{ "all", CTL_FLAG, &retry.all, "of all webhooks" },
	{ "since", CTL_TEXT, &retry.since,
	    "only events from this time on, 2026-01-02T03:04:05Z" },
	{ 0 },
};

static int
run_webhook_list(struct ctl *c)
{
	cJSON *rows = json_array();
	struct rows *r;
	enum err e = db_run(c->db, c->arena, SQL(ctl_webhook_list,
	    .email = str_of(owner)), &r);

	if (e != E_OK)
		return ctl_fail_db(c, e);
	for (size_t i = 0; i < r->n; i++) {
		struct ctl_webhook_list_row row = ctl_webhook_list_row(r, i);
		cJSON *o = json_object();

		json_add_str(o, "id", row.id);
		json_add_str(o, "owner", row.email);
		json_add_str(o, "url", row.url);
		json_add_bool(o, "active", row.is_active);
		json_add_int(o, "failures", row.failures);
		json_add_time(o, "failing_since", row.failing_since);
		json_add_int(o, "pending", row.pending);
		json_add_int(o, "failed", row.failed);
		json_add_int(o, "dropped", row.dropped);
		json_push(rows, o);
	}
	return ctl_print(c, rows);
}

static int
run_webhook_retry(struct ctl *c)
{
	cJSON *answer = json_object();
	const char *which;
	int64_t since = 0;
	struct rows *r;
	enum err e;
	int wrong = ctl_one_or_all(c, retry.all, "a webhook", &which);

	if (wrong)
		return wrong;
	if (retry.since && !clock_parse_iso(str_of(retry.since), &since))
		return ctl_fail(E_VALIDATION, "--since wants a time");
	e = db_run(c->db, c->arena, SQL(ctl_webhook_retry,
	    .webhook_id = str_of(which), .since = since), &r);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	json_add_int(answer, "due_again", ctl_webhook_retry_row(r, 0).retried);
	return ctl_print(c, answer);
}

const struct ctl_command ctl_webhooks[] = {
	{ "webhook list", "", 0, 0, CTL_NEEDS_DB, list_options,
	    run_webhook_list,
	    "The 200 webhooks with most to do, or in trouble" },
	{ "webhook retry", "[WEBHOOK]", 0, 1, CTL_NEEDS_DB, retry_options,
	    run_webhook_retry, "Send what could not be delivered again" },
	{ 0 },
};
