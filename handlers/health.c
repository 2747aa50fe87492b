/* GET /health, /health/live, /health/ready: not wrapped (row AP2) */
#include "base/clock.h"
#include "core/health.h"
#include "handlers/shared/handlers.h"

#define MIB ((int64_t)1 << 20)

static cJSON *
component(int64_t us, bool on)
{
	cJSON *o = json_object();

	json_add_str(o, "status", !on ? STR("disabled") :
	    us < 0 ? STR("down") : STR("up"));
	if (on && us >= 0)
		json_add_int(o, "responseTime", us / CLOCK_MS);
	return o;
}

static void
add_queue(cJSON *o, bool webhooks, const struct backlog_of *b)
{
	static const char *const names[][2] = {
		{ "ready", "webhooksReady" },
		{ "oldestSeconds", "webhooksOldestSeconds" },
		{ "dead", "webhooksDead" },
	};

	json_add_int(o, names[0][webhooks], b->due);
	json_add_int(o, names[1][webhooks], b->oldest / CLOCK_SECOND);
	json_add_int(o, names[2][webhooks], b->dead);
}

static cJSON *
checks(const struct health *h)
{
	cJSON *o = json_object(), *memory = json_object(),
	      *queue = json_object(), *database = component(h->database, true),
	      *redis = component(h->redis, h->redis_configured);

	if (*h->trouble)
		json_add_str(database, "error", str_of(h->trouble));
	json_add(o, "database", database);
	json_add(o, "redis", redis);
	if (h->redis_why)
		json_add_str(redis, "error", str_of(h->redis_why));
	json_add_str(memory, "status", STR("up"));
	json_add_int(memory, "heapUsed", h->memory_used / MIB);
	json_add_int(memory, "heapTotal", h->memory_total / MIB);
	json_add(o, "memory", memory);
	json_add_str(queue, "status", h->database < 0 ? STR("down") :
	    h->queue.alarm ? STR("backlog") : STR("up"));
	add_queue(queue, false, &h->queue.jobs);
	add_queue(queue, true, &h->queue.webhooks);
	json_add(o, "queue", queue);
	return o;
}

static enum err
answer_head(struct call *c, int status, const char *word, cJSON **out)
{
	cJSON *o = json_object();

	json_add_str(o, "status", str_of(word));
	json_add_time(o, "timestamp", clock_wall());
	json_add_str(o, "service", str_of(c->ctx->config->name));
	json_add_str(o, "version", STR(PACKAGE_VERSION));
	c->re->bare = true;
	*out = o;
	return answer(c, status, "", o);
}

static bool
is_private(const struct call *c)
{
	return strcmp(c->ctx->config->health_details, "private") == 0;
}

static enum err
answer_health(struct call *c)
{
	static const char *const words[] = { "healthy", "degraded",
		"unhealthy" };
	struct health h;
	cJSON *o;
	enum err e;

	health_check(c->ctx, &h);
	e = answer_head(c, h.status == HEALTH_UNHEALTHY ? 503 : 200,
	    words[h.status], &o);
	json_add_int(o, "uptime", h.uptime / CLOCK_SECOND);
	if (!is_private(c))
		json_add(o, "checks", checks(&h));
	return e;
}

static enum err
answer_live(struct call *c)
{
	cJSON *o;

	return answer_head(c, 200, "alive", &o);
}

static enum err
answer_ready(struct call *c)
{
	bool degraded;
	const char *why = health_ready(c->ctx, &degraded);
	enum err e;
	cJSON *o;

	if (*why) {
		response_header(c->re, "Retry-After", STR("1"));
		e = answer_head(c, 503, "unavailable", &o);
		if (!is_private(c))
			json_add_str(o, "error", str_of(why));
		return e;
	}
	return answer_head(c, 200, degraded ? "degraded" : "ready", &o);
}

const struct handler health = { NULL, answer_health };
const struct handler health_live = { NULL, answer_live };
const struct handler health_is_ready = { NULL, answer_ready };
