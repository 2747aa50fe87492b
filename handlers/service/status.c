/* GET /service/status: for holders of an API key (row AP6) */
#include "base/clock.h"
#include "core/access/api_key.h"
#include "core/health.h"
#include "handlers/shared/handlers.h"

static enum err
run_service_status(struct call *c)
{
	const struct api_key *k = c->actor.key;
	cJSON *data = json_object(), *key = json_object();
	struct health h;
	static const char *const words[] = { "healthy", "degraded",
		"unhealthy" };

	health_check(c->ctx, &h);
	json_add_str(data, "status", str_of(words[h.status]));
	json_add_str(data, "service", str_of(c->ctx->config->name));
	json_add_str(data, "version", STR(PACKAGE_VERSION));
	json_add_int(data, "uptime", h.uptime / CLOCK_SECOND);
	json_add_time(data, "timestamp", clock_wall());
	json_add_str(key, "id", k->id);
	json_add_str(key, "name", k->name);
	json_add(key, "scopes", answer_list(k->scopes));
	json_add_str(key, "user_id", k->user_id);
	json_add(data, "api_key", key);
	return answer(c, 200, "Service is running", data);
}

const struct handler service_status = { NULL, run_service_status };
