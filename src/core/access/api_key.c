#include "core/access/api_key.h"

#include <sodium.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/net.h"
#include "base/text.h"
#include "core/access/actor.h"
#include "core/access/refusal.h"
#include "core/access/whence.h"
#include "core/account/account.h"
#include "core/idempotency.h"
#include "core/problem.h"
#include "crypto/token.h"

#define HOUR (3600 * CLOCK_SECOND)
#define YEAR (365 * 24 * HOUR)
#define DEFAULT_RATE 1000
#define COUNT_EVERY (5 * CLOCK_SECOND)
#define TALLIED 64   /* keys */
#define UUID_TEXT 36

/*
 * Uses not yet written (no write per call). A full table is written and begun
 * anew, so that many keys in turn cost a write for TALLIED of them.
 */
static struct {
	struct {
		char id[UUID_TEXT + 1];
		int64_t uses;
	} key[TALLIED];
	size_t n;
	int64_t since; /* of the first one */
} tally;

static size_t
slot_of(struct str id)
{
	size_t i = 0;

	while (i < tally.n && !str_eq(id, str_of(tally.key[i].id)))
		i++;
	return i;
}

static void
count_use(struct ctx *x, struct str id, bool first)
{
	size_t i = slot_of(id);

	if (i == TALLIED) {
		api_key_settle(x);
		i = tally.n;
	}
	if (i == TALLIED || id.n > UUID_TEXT) {
		log_warn("a use of an API key is not counted",
		    log_s("id", id));
		return;
	}
	if (i == tally.n) {
		memcpy(tally.key[i].id, id.p, id.n);
		tally.key[i].id[id.n] = '\0';
		tally.key[i].uses = 0;
		if (tally.n++ == 0)
			tally.since = clock_mono();
	}
	tally.key[i].uses++;
	if (first) /* shows at once */
		api_key_settle(x);
}

bool
api_key_unsettled(void)
{
	return tally.n > 0;
}

bool
api_key_overdue(void)
{
	return tally.n > 0 && clock_mono() - tally.since >= COUNT_EVERY;
}

void
api_key_settle(struct ctx *x)
{
	struct buf ids = buf_new(x->arena, TALLIED * (UUID_TEXT + 1));
	struct buf uses = buf_new(x->arena, TALLIED * 21);

	for (size_t i = 0; i < tally.n; i++) {
		buf_fmt(&ids, "%s%s", i ? "," : "", tally.key[i].id);
		buf_fmt(&uses, "%s%lld", i ? "," : "",
		    (long long)tally.key[i].uses);
	}
	if (tally.n && db_run(x->db, x->arena, SQL(api_key_used,
	    .ids = buf_str(&ids), .uses = buf_str(&uses)), NULL) == E_OK)
		tally.n = 0;
}

static bool
same_hash(struct str a, struct str b)
{
	return a.n == 32 && b.n == 32 && sodium_memcmp(a.p, b.p, 32) == 0;
}

bool
api_key_has(const struct api_key *k, struct str scope)
{
	return str_holds(k->scopes, ',', scope) ||
	    str_holds(k->scopes, ',', STR("*"));
}

/* The limit the owner chose, at most the configured one. */
static long
rate_of(const struct ctx *x, long wish)
{
	long most = x->config->api_key_rate;

	return wish < most ? wish : most;
}

/*
 * Somebody tried a key that has ended or may not be used from there. Audit it
 * once an hour for each key and reason; a failure to write changes nothing.
 */
static enum err
refuse_key(struct ctx *x, struct str id, const char *why, enum err e)
{
	if (refusal_due(x, why, id))
		(void)db_run(x->db, x->arena, SQL(api_key_refused, .id = id,
		    .reason = str_of(why), REQUESTER(x)), NULL);
	return e;
}

/* The text was never a key: audit one row a minute and network. */
static enum err
refuse_damaged(struct ctx *x)
{
	if (refusal_due(x, "checksum", STR_NONE))
		(void)db_run(x->db, x->arena, SQL(api_key_damaged,
		    .network = limit_network(x), REQUESTER(x)), NULL);
	return E_TOKEN_INVALID;
}

/*
 * A refused request of a key counts like an admitted one, unless it comes from
 * a network that the key may not be used from: a thief there spends nothing.
 */
static enum err
charge_refusal(struct ctx *x, const struct api_key *k, struct limit *taken)
{
	if (k->allowed_ips.n && !whence_in(x, k->allowed_ips.p))
		return refuse_key(x, k->id, "network", E_NETWORK);
	*taken = (struct limit){ .name = "api_key", .whose = k->id,
		.max = k->rate_limit, .window = HOUR };
	return limit_take(x, taken);
}

static enum err
scope_opens(const struct api_key *k, const char *scope)
{
	if (scope && (scope[0] == '\0' || api_key_has(k, str_of(scope))))
		return E_OK;
	return E_SCOPE;
}

/* A key cannot avoid a step that its creator must take first (LG7, TO11). */
static enum err
creator_may(const struct ctx *x, const struct account *a)
{
	if (account_unverified(x, a))
		return E_EMAIL_NOT_VERIFIED;
	return account_unenrolled(x, a) ? E_ENROLMENT_REQUIRED : E_OK;
}

enum err
api_key_admit(struct ctx *x, struct str key, const char *scope,
    struct limit *taken, struct api_key **out)
{
	struct api_key *k = ARENA_NEW(x->arena, struct api_key);
	struct api_key_find_row found;
	struct str hash, key_id;
	struct rows *r;
	enum err e;

	*taken = (struct limit){ 0 };
	if (!token_api_key_check(x->config->api_key_prefix, key, &key_id))
		return refuse_damaged(x);
	hash = token_hash(x->arena, key);
	e = db_run(x->db, x->arena, SQL(api_key_find, .key_id = key_id), &r);
	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_TOKEN_INVALID;
	found = api_key_find_row(r, 0);
	if (!(same_hash(hash, found.secret_hash) ||
	    same_hash(hash, found.previous_hash)))
		return refuse_key(x, found.id, "secret", E_TOKEN_INVALID);
	if (!found.alive)
		return refuse_key(x, found.id, "ended", E_TOKEN_INVALID);
	*k = (struct api_key){
		.id = found.id, .key_id = key_id, .user_id = found.user_id,
		.scopes = found.scopes,
		.rate_limit = rate_of(x, (long)found.rate_limit),
		.allowed_ips = found.allowed_ips, .name = found.name,
		.is_active = true, .roles = found.roles,
		.role_version = found.role_version,
	};
	e = charge_refusal(x, k, taken);
	if (e == E_OK)
		e = creator_may(x, &(struct account){ .roles = k->roles,
		    .two_factor_enabled = found.two_factor_enabled,
		    .is_verified = found.is_verified });
	if (e == E_OK)
		e = scope_opens(k, scope);
	if (e != E_OK)
		return e;
	count_use(x, k->id, found.unused);
	*out = k;
	return E_OK;
}

/* A list as one text, its entries checked by valid. */
static enum err
join_list(struct ctx *x, const struct str *list, size_t n, const char *field,
    bool (*valid)(struct str), struct str *out)
{
	struct str all = STR("");

	for (size_t i = 0; i < n; i++) {
		if (!valid(list[i]))
			return problem_field(x, field,
			    "contains an entry that is not valid");
		all = arena_fmt(x->arena, "%.*s%s%.*s", STR_FMT(all),
		    i ? "," : "", STR_FMT(list[i]));
	}
	*out = all;
	return E_OK;
}

static bool
valid_scope(struct str s)
{
	return str_eq(s, STR("*")) ||
	    (s.n > 0 && s.n <= 64 && text_only(s, ":._-"));
}

static struct str
new_key(struct ctx *x)
{
	return token_api_key(x->arena, x->config->api_key_prefix,
	    (int)x->config->api_key_length);
}

enum err
api_key_create(struct ctx *x, struct str user_id,
    const struct api_key_wish *w, struct api_key *out, struct str *secret)
{
	int64_t expires = w->expires_at ? w->expires_at : clock_wall() + YEAR;
	struct str scopes, ips, key_id;
	struct rows *r;
	enum err e = join_list(x, w->scopes, w->nscopes, "scopes", valid_scope,
	    &scopes);

	if (e == E_OK)
		e = join_list(x, w->allowed_ips, w->nallowed_ips, "allowed_ips",
		    net_cidr_valid, &ips);
	if (e != E_OK)
		return e;
	if (expires <= clock_wall())
		return problem_field(x, "expires_at", "must be in the future");
	*secret = new_key(x);
	if (!token_api_key_check(x->config->api_key_prefix, *secret, &key_id))
		return E_INTERNAL;
	*out = (struct api_key){
		.id = idempotency_id(x, 0), .key_id = key_id,
		.user_id = user_id, .name = w->name, .scopes = scopes,
		.allowed_ips = ips, .is_active = true, .expires_at = expires,
		.rate_limit = rate_of(x, w->rate_limit ? w->rate_limit :
		    DEFAULT_RATE),
	};
	e = actor_run(x, SQL(api_key_create, .id = out->id, .key_id = key_id,
	    .user_id = user_id, .name = w->name,
	    .secret_hash = token_hash(x->arena, *secret), .scopes = scopes,
	    .rate_limit = out->rate_limit, .expires_at = expires,
	    .allowed_ips = ips, .keys_max = LIMIT_API_KEYS, REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		e = problem_field(x, "name", arena_fmt(x->arena, "You already "
		    "have %d API keys, the most an account can have; please "
		    "delete one first", LIMIT_API_KEYS).p);
	if (e == E_OK)
		out->created_at = api_key_create_row(r, 0).created_at;
	return e;
}

static struct api_key
listed(const struct ctx *x, struct str user_id, struct api_key_list_row k)
{
	return (struct api_key){
		.id = k.id, .key_id = k.key_id, .user_id = user_id,
		.name = k.name, .scopes = k.scopes,
		.rate_limit = rate_of(x, (long)k.rate_limit),
		.allowed_ips = k.allowed_ips, .is_active = k.is_active,
		.usage_count = k.usage_count, .last_used_at = k.last_used_at,
		.expires_at = k.expires_at, .created_at = k.created_at,
	};
}

enum err
api_key_list(struct ctx *x, struct str user_id, struct str id, long limit,
    long offset, struct api_key **out, size_t *n, int64_t *total)
{
	struct api_key_list_row first;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(api_key_list,
	    .user_id = user_id, .id = id, .limit = limit, .offset = offset),
	    &r);

	if (e != E_OK)
		return e;
	first = api_key_list_row(r, 0);
	*n = first.id.p ? r->n : 0;
	*total = first.total;
	if (id.p && *n == 0)
		return E_NOT_FOUND;
	*out = arena_array(x->arena, r->n, sizeof(**out));
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = listed(x, user_id, api_key_list_row(r, i));
	return E_OK;
}

static enum err
key_of_one_row(enum err e, const struct rows *r)
{
	return e == E_OK && r->n == 0 ? E_NOT_FOUND : e;
}

enum err
api_key_revoke(struct ctx *x, struct str user_id, struct str id)
{
	struct rows *r = NULL;
	enum err e = db_run(x->db, x->arena, SQL(api_key_revoke,
	    .user_id = user_id, .id = id, REQUESTER(x)), &r);

	return key_of_one_row(e, r);
}

enum err
api_key_rotate(struct ctx *x, struct str user_id, struct str id,
    int64_t overlap, struct str *secret)
{
	struct api_key *k;
	struct rows *r = NULL;
	int64_t total;
	size_t n;
	enum err e = api_key_list(x, user_id, id, 1, 0, &k, &n, &total);

	if (e != E_OK)
		return e;
	/* The public part stays, so both secrets are found by one look-up. */
	*secret = token_api_key_with_id(x->arena, x->config->api_key_prefix,
	    k[0].key_id, (int)x->config->api_key_length);
	e = actor_run(x, SQL(api_key_rotate, .user_id = user_id, .id = id,
	    .secret_hash = token_hash(x->arena, *secret), .overlap = overlap,
	    REQUESTER(x)), &r);
	return key_of_one_row(e, r);
}
