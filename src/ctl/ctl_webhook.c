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
	static const char *const counts[] = { "pending", "failed",
		"dropped" };
	cJSON *rows = json_array();
	struct rows *r;
	enum err e = db_exec(c->db, c->arena, Q_CTL_WEBHOOK_LIST, &r,
	    A_TEXT(owner));

	if (e != E_OK)
		return ctl_fail(e, NULL);
	for (size_t i = 0; i < r->n; i++) {
		cJSON *o = json_object();

		json_add_str(o, "id", row_str(r, i, 0));
		json_add_str(o, "owner", row_str(r, i, 1));
		json_add_str(o, "url", row_str(r, i, 2));
		json_add_bool(o, "active", row_bool(r, i, 3));
		json_add_int(o, "failures", row_int(r, i, 4));
		json_add_time(o, "failing_since", row_int(r, i, 5));
		for (int k = 0; k < 3; k++)
			json_add_int(o, counts[k], row_int(r, i, 6 + k));
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
	e = db_exec(c->db, c->arena, Q_CTL_WEBHOOK_RETRY, &r, A_TEXT(which),
	    A_INT(since));
	if (e != E_OK)
		return ctl_fail(e, NULL);
	json_add_int(answer, "due_again", row_int(r, 0, 0));
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
