#include "secrets/secrets_web.h"

/* The address and a path of the API, with one slash between. */
static const char *
url_of(struct secrets *s, const char *path)
{
	struct str base = secrets_asked(s, "secrets.vault.address");

	while (str_ends(base, STR("/")))
		base.n--;
	return arena_fmt(s->arena, "%.*s/v1/%s", STR_FMT(base), path).p;
}

static const char *
namespace_header(struct secrets *s)
{
	struct str name = secrets_asked(s, "secrets.vault.namespace");

	/* A header without value is one that libcurl does not send. */
	return arena_fmt(s->arena, "X-Vault-Namespace:%s%.*s", name.n ? " " :
	    "", STR_FMT(name)).p;
}

static enum secrets_end
log_in(struct secrets *s, struct str *token)
{
	cJSON *body = json_object();
	struct secrets_call call = { .url = url_of(s, "auth/approle/login"),
		.headers = { "Content-Type: application/json",
		    namespace_header(s) } };
	struct secrets_reply reply = { 0 };
	enum secrets_end end;

	json_add_str(body, "role_id", secrets_asked(s,
	    "secrets.vault.role_id"));
	json_add_str(body, "secret_id", secrets_asked(s,
	    "secrets.vault.secret_id"));
	call.body = json_print(s->arena, body);
	end = secrets_web(s, &call, &reply);
	if (end != SECRETS_GOOD)
		return end;
	*token = json_text(json_get(json_get(reply.json, "auth"),
	    "client_token"));
	return reply.status == 200 && token->n ? SECRETS_GOOD :
	    secrets_fail(s, SECRETS_REFUSED, "Vault refused the AppRole "
		"(status %ld)", reply.status);
}

static enum secrets_end
read_secret(struct secrets *s, struct str token, cJSON **values)
{
	const char *path = secrets_asked_text(s, "secrets.vault.path");
	const struct secrets_call call = { .url = url_of(s, path),
		.headers = { arena_fmt(s->arena, "X-Vault-Token: %.*s",
		    STR_FMT(token)).p, "X-Vault-Request: true",
		    namespace_header(s) } };
	struct secrets_reply reply = { 0 };
	enum secrets_end end = secrets_web(s, &call, &reply);
	const cJSON *data = json_get(json_get(reply.json, "data"), "data");

	if (end != SECRETS_GOOD)
		return end;
	if (reply.status == 404)
		return secrets_fail(s, SECRETS_REFUSED, "Vault has nothing at "
		    "%.200s", path);
	if (reply.status == 403 || reply.status == 400)
		return secrets_fail(s, SECRETS_REFUSED, "Vault does not let "
		    "the token read %.200s (status %ld)", path, reply.status);
	if (reply.status != 200 || !cJSON_IsObject(data))
		return secrets_fail(s, SECRETS_REFUSED, "Vault's answer for "
		    "%.200s is no secret of KV version 2 (status %ld)", path,
		    reply.status);
	*values = cJSON_Duplicate(data, 1);
	return SECRETS_GOOD;
}

/* The token of an AppRole login was made for one reading. */
static void
give_back(struct secrets *s, struct str token)
{
	const struct secrets_call call = {
		.url = url_of(s, "auth/token/revoke-self"),
		.headers = { arena_fmt(s->arena, "X-Vault-Token: %.*s",
		    STR_FMT(token)).p, namespace_header(s) },
		.body = STR(""),
	};
	struct secrets_reply reply = { 0 };
	const char *why = s->why;

	(void)secrets_web(s, &call, &reply);
	s->why = why;
}

enum secrets_end
secrets_vault(struct secrets *s, cJSON **values)
{
	struct str token = secrets_asked(s, "secrets.vault.token");
	bool by_role = token.n == 0;
	enum secrets_end end;

	if (secrets_asked(s, "secrets.vault.address").n == 0)
		return secrets_fail(s, SECRETS_REFUSED,
		    "secrets.vault.address (VAULT_ADDR) is not set");
	if (by_role && secrets_asked(s, "secrets.vault.role_id").n == 0)
		return secrets_fail(s, SECRETS_REFUSED, "neither "
		    "secrets.vault.token (VAULT_TOKEN) nor an AppRole is set");
	if (by_role && (end = log_in(s, &token)) != SECRETS_GOOD)
		return end;
	end = read_secret(s, token, values);
	if (by_role)
		give_back(s, token);
	return end;
}
