#include "base/clock.h"
#include "ctl/ctl.h"

static struct {
	const char *state;
	long limit;
	bool all;
} kafka = { .limit = 50 };

static const struct ctl_option list_options[] = {
	{ "state", CTL_TEXT, &kafka.state, "ready or dead; default both" },
	{ "limit", CTL_NUMBER, &kafka.limit, "at most so many (50)" },
	{ 0 },
};

static const struct ctl_option retry_options[] = {
	{ "all", CTL_FLAG, &kafka.all, "all dead letters" },
	{ 0 },
};

static int
run_kafka_list(struct ctl *c)
{
	cJSON *rows = json_array();
	struct rows *r;
	enum err e;
	int wrong = ctl_word("state", kafka.state, "ready, dead");

	if (wrong)
		return wrong;
	e = db_run(c->db, c->arena, SQL(kafka_list,
	    .state = str_of(kafka.state), .limit = kafka.limit), &r);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	for (size_t i = 0; i < r->n; i++) {
		struct kafka_list_row row = kafka_list_row(r, i);
		cJSON *o = json_object();

		json_add_str(o, "id", row.id);
		json_add_str(o, "topic", row.topic);
		json_add_str(o, "event", row.event);
		json_add_str(o, "user_id", row.user_id);
		json_add_str(o, "state", row.state);
		json_add_int(o, "attempts", row.attempts);
		json_add_time(o, "created_at", row.created_at);
		json_add_time(o, "finished_at", row.finished_at);
		json_add_str(o, "error", row.error);
		json_push(rows, o);
	}
	return ctl_print(c, rows);
}

static int
run_kafka_retry(struct ctl *c)
{
	cJSON *answer = json_object();
	const char *which;
	struct rows *r;
	enum err e;
	int wrong = ctl_one_or_all(c, kafka.all, "an event", &which);

	if (wrong)
		return wrong;
	e = db_run(c->db, c->arena, SQL(kafka_retry, .id = str_of(which)), &r);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	if (which && r->n == 0)
		return ctl_fail(E_NOT_FOUND, "there is no dead letter %s",
		    which);
	json_add_int(answer, "due_again", (int64_t)r->n);
	return ctl_print(c, answer);
}

static int
run_kafka_stats(struct ctl *c)
{
	cJSON *rows = json_array();
	struct rows *r;
	enum err e = db_run(c->db, c->arena, SQL(kafka_stats), &r);

	if (e != E_OK)
		return ctl_fail_db(c, e);
	for (size_t i = 0; i < r->n; i++) {
		struct kafka_stats_row row = kafka_stats_row(r, i);
		cJSON *o = json_object();

		json_add_str(o, "topic", row.topic);
		json_add_int(o, "ready", row.waiting);
		json_add_int(o, "oldest_seconds",
		    row.oldest / CLOCK_SECOND);
		json_add_int(o, "dead", row.dead);
		json_add_bool(o, "recording", row.enabled);
		json_push(rows, o);
	}
	return ctl_print(c, rows);
}

const struct ctl_command ctl_kafka[] = {
	{ "kafka list", "", 0, 0, CTL_NEEDS_DB, list_options, run_kafka_list,
	    "Events that wait for Kafka, and dead letters" },
	{ "kafka retry", "[EVENT]", 0, 1, CTL_NEEDS_DB, retry_options,
	    run_kafka_retry, "Send dead letters again" },
	{ "kafka stats", "", 0, 0, CTL_NEEDS_DB, NULL, run_kafka_stats,
	    "How much there is to do, by topic" },
	{ 0 },
};
