#include "secrets/secrets_web.h"

#include "config/config.h"

/* The query that the manager documents for its GraphQL API. */
static const char query[] = "query Secrets($token: String!, $pick: [String!]) "
    "{ secrets(zeroToken: $token, pick: $pick) "
    "{ name fields { name value } } }";

static struct str
body_of(struct secrets *s)
{
	cJSON *body = json_object(), *variables = json_object();
	cJSON *pick = json_array();
	const char *rest = secrets_asked_text(s, "secrets.zero.pick");
	struct str name;

	while (config_list_next(&rest, &name))
		json_push_str(pick, name);
	json_add_str(variables, "token", secrets_asked(s,
	    "secrets.zero.token"));
	json_add(variables, "pick", pick);
	json_add_str(body, "query", str_of(query));
	json_add(body, "variables", variables);
	return json_print(s->arena, body);
}

static enum secrets_end
take_fields(struct secrets *s, const cJSON *secret, cJSON *values)
{
	const cJSON *fields = json_get(secret, "fields"), *f;

	cJSON_ArrayForEach(f, fields) {
		struct str name = json_text(json_get(f, "name"));
		const char *key = arena_cstr(s->arena, name);

		if (name.p == NULL || str_has_nul(name))
			continue;
		if (json_get(values, key))
			return secrets_fail(s, SECRETS_REFUSED, "two of the "
			    "secrets picked have a field %.80s", key);
		json_add_str(values, key, json_text(json_get(f, "value")));
	}
	return SECRETS_GOOD;
}

static bool
has_secret(const cJSON *secrets, struct str name)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, secrets)
		if (str_eq(json_text(json_get(one, "name")), name))
			return true;
	return false;
}

/* A name that was picked and is not there would be missed later. */
static enum secrets_end
check_picked(struct secrets *s, const cJSON *secrets)
{
	const char *rest = secrets_asked_text(s, "secrets.zero.pick");
	struct str name;

	while (config_list_next(&rest, &name))
		if (!has_secret(secrets, name))
			return secrets_fail(s, SECRETS_REFUSED, "Zero has no "
			    "secret %.*s for this token", STR_FMT(name));
	return SECRETS_GOOD;
}

static enum secrets_end
take_secrets(struct secrets *s, const cJSON *secrets, cJSON *values)
{
	enum secrets_end end = check_picked(s, secrets);
	const cJSON *one;

	cJSON_ArrayForEach(one, secrets)
		if (end == SECRETS_GOOD)
			end = take_fields(s, one, values);
	return end;
}

enum secrets_end
secrets_zero(struct secrets *s, cJSON **values)
{
	const struct secrets_call call = {
		.url = secrets_asked_text(s, "secrets.zero.url"),
		.headers = { "Content-Type: application/json" },
		.body = body_of(s),
	};
	struct secrets_reply reply = { 0 };
	enum secrets_end end;
	const cJSON *secrets;

	if (secrets_asked(s, "secrets.zero.token").n == 0)
		return secrets_fail(s, SECRETS_REFUSED, "secrets.zero.token "
		    "(ZERO_TOKEN) is not set");
	end = secrets_web(s, &call, &reply);
	if (end != SECRETS_GOOD)
		return end;
	secrets = json_get(json_get(reply.json, "data"), "secrets");
	/* Its own words are not repeated: they may hold the token. */
	if (reply.status != 200 || json_get(reply.json, "errors") ||
	    !cJSON_IsArray(secrets))
		return secrets_fail(s, SECRETS_REFUSED, "Zero refused the "
		    "token or the names in secrets.zero.pick (status %ld)",
		    reply.status);
	*values = json_object();
	return take_secrets(s, secrets, *values);
}
