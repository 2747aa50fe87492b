#include "secrets/secrets_web.h"

#include "base/clock.h"
#include "base/text.h"
#include "crypto/sigv4.h"

#define TYPE "application/x-amz-json-1.1"
#define TARGET "secretsmanager.GetSecretValue"

static struct str
endpoint(struct secrets *s)
{
	struct str given = secrets_asked(s, "secrets.aws.endpoint");
	struct str region = secrets_asked(s, "secrets.aws.region");

	while (str_ends(given, STR("/")))
		given.n--;
	if (given.n)
		return given;
	return arena_fmt(s->arena, "https://secretsmanager.%.*s.amazonaws.com%s",
	    STR_FMT(region), str_starts(region, STR("cn-")) ? ".cn" : "");
}

/* What stands behind the scheme, as it will be in the Host header. */
static struct str
host_of(struct str url)
{
	size_t at = str_find(url, '/') + 2;

	return str_slice(url, at, url.n);
}

static const char *
line(struct secrets *s, const char *name, struct str value)
{
	return arena_fmt(s->arena, "%s: %.*s", name, STR_FMT(value)).p;
}

/* The headers that are signed, sorted; they are sent as they are here. */
static void
sign(struct secrets *s, struct secrets_call *call, struct str host)
{
	struct str session = secrets_asked(s, "secrets.aws.session_token");
	struct str now = sigv4_time(s->arena, clock_wall());
	struct sigv4_header h[] = {
		{ STR("content-type"), STR(TYPE) },
		{ STR("host"), host },
		{ STR("x-amz-date"), now },
		{ STR("x-amz-security-token"), session },
		{ STR("x-amz-target"), STR(TARGET) },
	};
	const struct sigv4_key key = {
		secrets_asked(s, "secrets.aws.access_key_id"),
		secrets_asked(s, "secrets.aws.secret_access_key"),
		secrets_asked(s, "secrets.aws.region"),
		STR("secretsmanager"),
	};
	struct sigv4_request r = { STR("POST"), STR("/"), STR(""), h, 5,
		sigv4_payload(s->arena, call->body) };
	size_t n = 0;

	if (session.n == 0) {
		h[3] = h[4];
		r.nheaders = 4;
	}
	for (; n < r.nheaders; n++)
		call->headers[n] = line(s, h[n].name.p, h[n].value);
	call->headers[n] = line(s, "authorization",
	    sigv4_authorization(s->arena, &key, &r, now));
}

/* The kind of an error: a word such as ResourceNotFoundException. */
static struct str
error_type(const cJSON *json)
{
	struct str type = json_text(json_get(json, "__type"));
	size_t at = str_find(type, '#');

	if (at < type.n)
		type = str_slice(type, at + 1, type.n);
	return type.n && type.n < 80 && text_only(type, "") ? type :
	    STR("an error");
}

static enum secrets_end
take_string(struct secrets *s, struct str text, cJSON **values)
{
	if (text.p && json_parse(s->arena, text, 4, values, NULL) == E_OK &&
	    cJSON_IsObject(*values))
		return SECRETS_GOOD;
	return secrets_fail(s, SECRETS_REFUSED, "the secret %.200s holds no "
	    "JSON object of names and values",
	    secrets_asked_text(s, "secrets.aws.secret_id"));
}

static bool
is_complete(const struct secrets *s)
{
	return secrets_asked(s, "secrets.aws.region").n &&
	    secrets_asked(s, "secrets.aws.access_key_id").n &&
	    secrets_asked(s, "secrets.aws.secret_access_key").n;
}

enum secrets_end
secrets_aws(struct secrets *s, cJSON **values)
{
	struct str base = endpoint(s);
	struct secrets_call call = {
		.url = ARENA_JOIN(s->arena, base, STR("/")).p };
	struct secrets_reply reply = { 0 };
	cJSON *body = json_object();
	enum secrets_end end;

	if (!is_complete(s))
		return secrets_fail(s, SECRETS_REFUSED, "secrets.aws.region, "
		    ".access_key_id and .secret_access_key must be set "
		    "(AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)");
	json_add_str(body, "SecretId", secrets_asked(s,
	    "secrets.aws.secret_id"));
	call.body = json_print(s->arena, body);
	sign(s, &call, host_of(base));
	end = secrets_web(s, &call, &reply);
	if (end != SECRETS_GOOD)
		return end;
	if (reply.status != 200)
		return secrets_fail(s, SECRETS_REFUSED, "AWS answered %.*s "
		    "(status %ld)", STR_FMT(error_type(reply.json)),
		    reply.status);
	return take_string(s, json_text(json_get(reply.json, "SecretString")),
	    values);
}
