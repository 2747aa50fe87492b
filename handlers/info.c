/* GET /info */
#include "core/factor/factor_send.h"
#include "core/outgoing/media_url.h"
#include "handlers/shared/handlers.h"

static enum err
run_info(struct call *c)
{
	const struct config *k = c->ctx->config;
	cJSON *data = json_object(), *can = json_object();

	json_add_str(data, "service", str_of(k->name));
	json_add_str(data, "version", STR(PACKAGE_VERSION));
	json_add_bool(can, "registration", true);
	json_add_str(can, "email_verification",
	    str_of(k->email_verification));
	json_add_bool(can, "password_reset", true);
	json_add_bool(can, "sessions", true);
	json_add_bool(can, "refresh_rotation", true);
	json_add_bool(can, "api_keys", true);
	json_add_bool(can, "introspection", true);
	json_add_bool(can, "two_factor", true);
	json_add_bool(can, "two_factor_sms",
	    factor_send_offers(c->ctx, STR("sms")));
	json_add_bool(can, "rate_limiting", k->rate_limiting);
	json_add_bool(can, "audit_log", k->audit);
	json_add_bool(can, "redis", cache_configured(c->ctx->cache));
	json_add_bool(can, "mail", k->smtp_host[0] != '\0');
	json_add_bool(can, "media", media_url_offered(k));
	json_add_bool(can, "kafka", k->kafka_enabled);
	json_add_bool(can, "grpc", k->grpc_enabled);
	json_add_str(can, "token_algorithm", str_of(k->jwt_algorithm));
	json_add_str(can, "password_hash", str_of(k->password_hash));
	json_add(data, "capabilities", can);
	return answer(c, 200, "Service information", data);
}

const struct handler info = { NULL, run_info };
