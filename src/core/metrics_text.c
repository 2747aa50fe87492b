#include "core/metrics_text.h"

#include "base/buf.h"
#include "base/clock.h"
#include "core/access/whence.h"
#include "core/outgoing/backlog.h"
#include "runtime/metric.h"

#define TEXT_MAX ((size_t)64 << 10)

static void
gauge(struct buf *b, const char *name, const char *help, double value)
{
	buf_fmt(b, "# HELP %s %s\n# TYPE %s gauge\n%s %.15g\n", name, help,
	    name, name, value);
}

/* One family for both queues, told apart by a label. */
static void
both(struct buf *b, const char *name, const char *help, double jobs,
    double webhooks)
{
	buf_fmt(b, "# HELP %s %s\n# TYPE %s gauge\n"
	    "%s{queue=\"jobs\"} %.6g\n%s{queue=\"webhooks\"} %.6g\n", name,
	    help, name, name, jobs, name, webhooks);
}

static void
add_queue_metrics(struct ctx *x, struct buf *b)
{
	struct backlog q;
	bool up = db_ping(x->db, x->arena) >= 0;

	gauge(b, "postern_database_up", "1 if Postgres answers, else 0", up);
	if (!up || backlog_recent(x, &q) != E_OK)
		return;
	both(b, "queue_depth", "Jobs and webhook deliveries that are due; "
	    "counting stops at queue.alarm_depth", (double)q.jobs.due,
	    (double)q.webhooks.due);
	both(b, "queue_oldest_seconds", "Seconds for which the oldest has "
	    "been due",
	    (double)q.jobs.oldest / CLOCK_SECOND,
	    (double)q.webhooks.oldest / CLOCK_SECOND);
	both(b, "queue_dead", "Jobs and webhook deliveries that were given "
	    "up; counting stops at queue.alarm_depth",
	    (double)q.jobs.dead, (double)q.webhooks.dead);
	gauge(b, "queue_backlog_alarm", "1 if one is older than "
	    "queue.alarm_age or more than queue.alarm_depth wait, else 0", q.alarm);
}

static void
add_head(struct buf *b, const char *name, const char *help)
{
	buf_fmt(b, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
}

/* What the host knew, and did not have to ask for (runtime/shared.h). */
static void
add_memory_metrics(struct ctx *x, struct buf *b)
{
	static const char *const who[PROVED_BY] = { "host", "redis",
		"postgres" };
	static const char *const how[] = { "failure", "success" };

	add_head(b, "auth_token_proofs_total", "Access tokens that are good, "
	    "by what knew of their session");
	for (int i = 0; i < PROVED_BY; i++)
		buf_fmt(b, "auth_token_proofs_total{by=\"%s\"} %llu\n",
		    who[i], (unsigned long long)atomic_load(
		    &x->shared->proved_by[i]));
	add_head(b, "auth_limit_settlements_total", "Calls to Redis that "
	    "settle limits with other hosts");
	for (int i = 0; i < 2; i++)
		buf_fmt(b, "auth_limit_settlements_total{status=\"%s\"} "
		    "%llu\n", how[i], (unsigned long long)atomic_load(
		    &x->shared->settled[i]));
}

static void
redis(struct ctx *x, struct buf *b)
{
	const char *why;

	if (cache_configured(x->cache))
		gauge(b, "postern_redis_up", "1 if Redis answers and does its "
		    "work, else 0",
		    cache_probe(x->cache, x->arena, &why) >= 0);
}

static void
kafka(struct ctx *x, struct buf *b)
{
	struct kafka_health_row row;
	struct rows *r;

	if (!x->config->kafka_enabled ||
	    db_run(x->db, x->arena, SQL(kafka_health), &r) != E_OK)
		return;
	row = kafka_health_row(r, 0);
	gauge(b, "postern_kafka_outbox_ready",
	    "Events waiting for Kafka; counting stops at 1000",
	    (double)row.waiting);
	gauge(b, "postern_kafka_outbox_oldest_seconds",
	    "Seconds for which the oldest event has been waiting",
	    (double)row.oldest / CLOCK_SECOND);
	gauge(b, "postern_kafka_outbox_dead",
	    "Events that were given up; counting stops at 1000",
	    (double)row.dead);
	gauge(b, "postern_kafka_recording", "1 if events are recorded for "
	    "Kafka, else 0",
	    row.enabled);
}

enum err
metrics_text(struct ctx *x, struct str *out)
{
	struct buf b = buf_new(x->arena, TEXT_MAX);

	if (!whence_in(x, x->config->metrics_networks))
		return E_NETWORK;
	metric_print(&b);
	add_memory_metrics(x, &b);
	add_queue_metrics(x, &b);
	redis(x, &b);
	kafka(x, &b);
	gauge(&b, "postern_start_time_seconds", "Unix time at which the "
	    "service started",
	    (double)(atomic_load(&x->shared->started_wall) / CLOCK_SECOND));
	*out = buf_str(&b);
	return E_OK;
}
