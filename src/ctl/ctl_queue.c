#include <stdio.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "core/outgoing/backlog.h"
#include "ctl/ctl.h"
#include "store/job_store.h"

static struct {
	const char *state, *before;
	long limit;
	bool all;
} queue = { .limit = 50 };

static const struct ctl_option list_options[] = {
	{ "state", CTL_TEXT, &queue.state,
	    "ready, done, dead or expired; default all but done" },
	{ "before", CTL_TEXT, &queue.before,
	    "only older than this id: the next page" },
	{ "limit", CTL_NUMBER, &queue.limit, "at most so many (50)" },
	{ 0 },
};

static const struct ctl_option retry_options[] = {
	{ "all", CTL_FLAG, &queue.all, "all dead letters" },
	{ 0 },
};

static cJSON *
job(struct ctl *c, const struct rows *r, size_t i)
{
	const struct job_list_row found = job_list_row(r, i);
	cJSON *row = json_object();

	json_add_str(row, "id", found.id);
	json_add_str(row, "kind", found.kind);
	json_add_str(row, "state", found.is_claimed ? STR("sending") :
	    found.state);
	json_add_int(row, "priority", found.priority);
	json_add_str(row, "attempts", arena_fmt(c->arena, "%lld/%lld",
	    (long long)found.attempts, (long long)found.max_attempts));
	json_add_time(row, "run_at", found.run_at);
	json_add_time(row, "expires_at", found.expires_at);
	json_add_time(row, "created_at", found.created_at);
	json_add_time(row, "finished_at", found.finished_at);
	json_add_str(row, "last_error", found.last_error);
	return row;
}

static int
run_queue_list(struct ctl *c)
{
	cJSON *rows = json_array();
	struct uuid id;
	struct rows *r;
	enum err e;
	int wrong = ctl_word("state", queue.state,
	    "ready, done, dead, expired");

	if (wrong)
		return wrong;
	if (queue.before && !uuid_parse(str_of(queue.before), &id))
		return ctl_fail(E_VALIDATION, "--before wants the id of a job");
	e = db_run(c->db, c->arena, SQL(job_list, .state = str_of(queue.state),
	    .limit = queue.limit, .behind_id = str_of(queue.before)), &r);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	for (size_t i = 0; i < r->n; i++)
		json_push(rows, job(c, r, i));
	return ctl_print(c, rows);
}

static int
run_queue_retry(struct ctl *c)
{
	cJSON *answer = json_object();
	const char *which;
	struct rows *r;
	enum err e;
	int wrong = ctl_one_or_all(c, queue.all, "a job", &which);

	if (wrong)
		return wrong;
	e = db_run(c->db, c->arena, SQL(job_retry, .id = str_of(which)), &r);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	if (which && r->n == 0)
		return ctl_fail(E_NOT_FOUND, "there is no dead letter %s",
		    which);
	if (r->n)
		job_wake(c->config->runtime_dir);
	json_add_int(answer, "due_again", (int64_t)r->n);
	return ctl_print(c, answer);
}

static cJSON *
counts(const struct backlog_kind *k)
{
	cJSON *o = json_object();

	json_add_str(o, "kind", k->kind);
	json_add_int(o, "ready", k->ready);
	json_add_int(o, "due", k->due);
	json_add_int(o, "sending", k->sending);
	json_add_int(o, "dead", k->dead);
	json_add_int(o, "expired", k->expired);
	json_add_int(o, "oldest_due_seconds", k->oldest / CLOCK_SECOND);
	return o;
}

/* The table for people has the sum as its last row, programs get members. */
static int
run_queue_stats(struct ctl *c)
{
	struct backlog_kind *k, all = { .kind = STR("all") };
	cJSON *rows = json_array(), *sum;
	struct backlog b;
	size_t n = 0;
	enum err e = backlog_look(c->db, c->arena, c->config, &b);

	if (e == E_OK)
		e = backlog_kinds(c->db, c->arena, &k, &n);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	for (size_t i = 0; i < n; i++) {
		json_push(rows, counts(&k[i]));
		all.ready += k[i].ready;
		all.due += k[i].due;
		all.sending += k[i].sending;
		all.dead += k[i].dead;
		all.expired += k[i].expired;
		if (k[i].oldest > all.oldest)
			all.oldest = k[i].oldest;
	}
	sum = counts(&all);
	if (c->json) {
		json_add_bool(sum, "backlog", b.alarm);
		json_add(sum, "kinds", rows);
		return ctl_print(c, sum);
	}
	json_push(rows, sum);
	ctl_print(c, rows);
	printf("backlog: %s\n", b.alarm ? "yes, see queue.alarm_age and "
	    "queue.alarm_depth" : "no");
	return CTL_OK;
}

const struct ctl_command ctl_queue[] = {
	{ "queue list", "", 0, 0, CTL_NEEDS_DB, list_options, run_queue_list,
	    "Jobs, newest first" },
	{ "queue retry", "[JOB]", 0, 1, CTL_NEEDS_DB, retry_options,
	    run_queue_retry, "Send dead letters again" },
	{ "queue stats", "", 0, 0, CTL_NEEDS_DB, NULL, run_queue_stats,
	    "How much there is to do, by kind" },
	{ 0 },
};
