/* POST, GET /api-keys · GET, DELETE /api-keys/{id} · POST …/{id}/rotate */
#include "base/clock.h"
#include "core/access/api_key.h"
#include "handlers/shared/handlers.h"

#define OVERLAP_MAX (72 * 3600) /* seconds, row AK7 */
#define OVERLAP_DEFAULT (24 * 3600 * CLOCK_SECOND)

enum { NAME, SCOPES, RATE_LIMIT, EXPIRES_AT, ALLOWED_IPS };

static const struct field fields[] = {
	[NAME] = { .name = "name", .type = FIELD_NAME, .min = 1, .max = 100,
		.required = true, .doc = "Name that says what the key is for" },
	[SCOPES] = { .name = "scopes", .type = FIELD_TEXTS, .min = 1, .max = 50,
		.required = true,
		.doc = "2fa:read, user:read, tokens:read … or the "
		    "application's own" },
	[RATE_LIMIT] = { .name = "rate_limit", .type = FIELD_INT, .min = 1,
		.max = 1000000, .doc = "Requests per hour; 1000 if left out" },
	[EXPIRES_AT] = { .name = "expires_at", .type = FIELD_TIME,
		.doc = "When the key expires; one year from now if left out" },
	[ALLOWED_IPS] = { .name = "allowed_ips", .type = FIELD_TEXTS, .max = 50,
		.doc = "Addresses or networks from which the key may be used" },
	{ 0 },
};

enum { OVERLAP };

static const struct field rotate_fields[] = {
	[OVERLAP] = { .name = "overlap", .type = FIELD_DURATION,
		.max = OVERLAP_MAX,
		.doc = "How long the old secret keeps working; 24h if left "
		    "out" },
	{ 0 },
};

static cJSON *
api_key_record(const void *row)
{
	const struct api_key *k = row;
	cJSON *o = json_object();

	json_add_str(o, "id", k->id);
	json_add_str(o, "name", k->name);
	json_add_str(o, "key_id", k->key_id);
	json_add(o, "scopes", answer_list(k->scopes));
	json_add_int(o, "rate_limit", k->rate_limit);
	json_add(o, "allowed_ips", answer_list(k->allowed_ips));
	json_add_bool(o, "is_active", k->is_active);
	json_add_int(o, "usage_count", k->usage_count);
	json_add_time(o, "last_used_at", k->last_used_at);
	json_add_time(o, "expires_at", k->expires_at);
	json_add_time(o, "created_at", k->created_at);
	return o;
}

static enum err
create_api_key(struct call *c)
{
	const struct value *in = c->in;
	const struct api_key_wish w = {
		.name = given(c, NAME), .scopes = in[SCOPES].texts,
		.nscopes = in[SCOPES].ntexts,
		.rate_limit = (long)in[RATE_LIMIT].number,
		.expires_at = in[EXPIRES_AT].given ?
		    in[EXPIRES_AT].number : 0,
		.allowed_ips = in[ALLOWED_IPS].texts,
		.nallowed_ips = in[ALLOWED_IPS].ntexts,
	};
	struct api_key k;
	struct str secret;
	cJSON *data;
	enum err e = api_key_create(c->ctx, c->actor.session->account.id, &w,
	    &k, &secret);

	if (e != E_OK)
		return e;
	data = api_key_record(&k);
	json_add_str(data, "api_key", secret);
	return answer(c, 201, "API key created. Keep it now: it is not shown "
	    "again", data);
}

static enum err
list_api_keys(struct call *c)
{
	struct api_key *k = NULL;
	struct listing l;
	enum err e = answer_page(c, &l.limit, &l.offset);

	if (e == E_OK)
		e = api_key_list(c->ctx, c->actor.session->account.id,
		    STR_NONE, l.limit, l.offset, &k, &l.n, &l.total);
	return answer_rows(c, e, "API keys retrieved successfully", &l, k,
	    sizeof *k, api_key_record);
}

static enum err
get_api_key(struct call *c)
{
	struct api_key *k;
	int64_t total;
	size_t n;
	enum err e = api_key_list(c->ctx, c->actor.session->account.id,
	    c->arg[0], 1, 0, &k, &n, &total);

	return e != E_OK ? e : answer(c, 200,
	    "API key retrieved successfully", api_key_record(&k[0]));
}

static enum err
revoke(struct call *c)
{
	enum err e = api_key_revoke(c->ctx, c->actor.session->account.id,
	    c->arg[0]);

	return e != E_OK ? e : answer(c, 200, "API key revoked", NULL);
}

static enum err
rotate_api_key(struct call *c)
{
	int64_t overlap = c->in[OVERLAP].given ? c->in[OVERLAP].number :
	    OVERLAP_DEFAULT;
	struct str secret;
	cJSON *data = json_object();
	enum err e = api_key_rotate(c->ctx, c->actor.session->account.id,
	    c->arg[0], overlap, &secret);

	if (e != E_OK)
		return e;
	json_add_str(data, "id", c->arg[0]);
	json_add_str(data, "api_key", secret);
	json_add_time(data, "previous_valid_until", clock_wall() + overlap);
	return answer(c, 200, "API key rotated", data);
}

const struct handler api_keys_create = { fields, create_api_key };
const struct handler api_keys_list = { NULL, list_api_keys };
const struct handler api_keys_get = { NULL, get_api_key };
const struct handler api_keys_revoke = { NULL, revoke };
const struct handler api_keys_rotate = { rotate_fields, rotate_api_key };
