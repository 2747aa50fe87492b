#include "core/session/session.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "core/session/session_cache.h"
#include "core/session/session_change.h"
#include "core/session/session_proved.h"
#include "core/session/signing.h"
#include "crypto/token.h"

#define RECENT (600 * CLOCK_SECOND)

struct tokens *
session_tokens(struct ctx *x, struct str user_id, struct str session_id,
    uint32_t generation)
{
	struct tokens *t = ARENA_NEW(x->arena, struct tokens);
	int64_t now = clock_wall() / CLOCK_SECOND;
	struct uuid id;
	struct jwt_claims c = {
		.iss = str_of(signing_issuer(x->config)),
		.aud = str_of(x->config->jwt_audience),
		.sub = user_id,
		.sid = session_id,
		.jti = uuid_text(x->arena, uuid_v7()),
		.iat = now,
		.exp = now + x->config->access_ttl / CLOCK_SECOND,
	};

	if (!uuid_parse(session_id, &id))
		log_error("session id is not a uuid");
	t->access = jwt_sign(x->arena, x->jwt, &c);
	t->refresh = token_make(x->arena, x->keys, TOKEN_REFRESH, id,
	    generation);
	t->expires_in = x->config->access_ttl / CLOCK_SECOND;
	t->session_id = session_id;
	metric_add(METRIC_TOKENS_ISSUED);
	return t;
}

static struct session *
from_cells(struct ctx *x, const struct rows *r, struct str sid)
{
	const struct session_load_row row = session_load_row(r, 0);
	struct session *s = ARENA_NEW(x->arena, struct session);

	*s = (struct session){
		.id = sid, .numeric_id = row.numeric_id, .amr = row.amr,
		.ip_address = row.ip_address, .user_agent = row.user_agent,
		.created_at = row.created_at, .proved_at = row.proved_at,
		.expires_at = row.expires_at,
		.account = account_of(row.account),
		.role_version = row.role_version,
	};
	return s;
}

/* Whose token it is, and how it was found. */
struct asked {
	struct session_proof proof;
	struct session_found found;
	struct jwt_claims claims;
};

static enum err
load(struct ctx *x, struct asked *k, struct rows **r)
{
	const struct statement step = SQL(session_load,
	    .session_id = k->claims.sid, .user_id = k->claims.sub);
	enum err e = k->found.ask ? session_change_ask(x, &step, r) :
	    db_run(x->db, x->arena, step, r);

	if (e != E_OK)
		return e;
	if ((*r)->n == 0)
		return E_TOKEN_INVALID;
	if (session_load_row(*r, 0).stale)
		(void)db_run(x->db, x->arena, SQL(session_touch,
		    .session_id = k->claims.sid), NULL);
	if (k->found.keep)
		session_cache_keep(x, k->claims.sid, k->claims.sub, *r);
	return E_OK;
}

static enum err
take_limit(struct ctx *x, struct limit *l, struct str user_id)
{
	if (l == NULL)
		return E_OK;
	l->whose = user_id;
	return limit_take(x, l);
}

static void
count(struct ctx *x, enum proved_by who)
{
	atomic_fetch_add_explicit(&x->shared->proved_by[who], 1,
	    memory_order_relaxed);
}

/* The token is good: does its session still live? */
static enum err
find_session(struct ctx *x, struct limit *l, struct asked *k,
    struct session **out)
{
	struct rows *r = &k->found.row;
	enum err e = take_limit(x, l, k->claims.sub);

	if (e != E_OK)
		return e;
	session_cache_find(x, k->claims.sid, k->claims.sub, &k->found);
	if (!k->found.hit)
		e = load(x, k, &r);
	if (e != E_OK)
		return e;
	count(x, k->found.hit ? PROVED_BY_REDIS : PROVED_BY_POSTGRES);
	if (k->found.keep)
		session_proved_keep(x, &k->proof, &k->claims, r);
	*out = from_cells(x, r, k->claims.sid);
	(*out)->token_iat = k->claims.iat;
	(*out)->token_exp = k->claims.exp;
	return E_OK;
}

static enum err
verify(struct ctx *x, struct str token, struct jwt_claims *c)
{
	struct uuid user, session;
	enum err e = signing_verify(x, token, c);

	if (e != E_OK)
		return e;
	if (!uuid_parse(c->sub, &user) || !uuid_parse(c->sid, &session))
		return E_TOKEN_INVALID;
	/* As Postgres spells them when it tells of a change. */
	c->sub = uuid_text(x->arena, user);
	c->sid = uuid_text(x->arena, session);
	return E_OK;
}

static enum err
proved(struct ctx *x, struct limit *l, const struct session_proof *p,
    struct session **out)
{
	enum err e = take_limit(x, l, p->user_id);

	if (e != E_OK)
		return e;
	count(x, PROVED_BY_HOST);
	*out = from_cells(x, &p->row, p->session_id);
	(*out)->token_iat = p->iat;
	(*out)->token_exp = p->exp;
	(*out)->source.read = p->read;
	memcpy((*out)->source.name, p->name, sizeof(p->name));
	return E_OK;
}

enum err
session_of_token(struct ctx *x, struct str token, struct limit *limit,
    struct session **out)
{
	struct asked k = { 0 };
	enum err e;

	if (session_proved_find(x, token, &k.proof)) {
		k.found.ask = session_change_due(x);
		if (!k.found.ask)
			return proved(x, limit, &k.proof, out);
	}
	e = verify(x, token, &k.claims);
	return e == E_OK ? find_session(x, limit, &k, out) : e;
}

void
session_stale(struct ctx *x, struct str id)
{
	session_cache_mark(x, id);
}

void
session_stale_roles(struct ctx *x)
{
	session_cache_mark(x, STR("roles"));
}

enum err
session_end(struct ctx *x, struct str user_id, struct str session_id,
    enum session_scope scope, const char *reason)
{
	static const char *const names[] = { "this", "others", "all" };

	session_stale(x, scope == SESSION_THIS ? session_id : user_id);
	return db_run(x->db, x->arena, SQL(session_end, .user_id = user_id,
	    .session_id = session_id, .scope = str_of(names[scope]),
	    .reason = str_of(reason), REQUESTER(x)), NULL);
}

enum err
session_end_one(struct ctx *x, struct str user_id, struct str id)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(session_locate,
	    .user_id = user_id, .id = id), &r);

	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e != E_OK)
		return e;
	session_stale(x, session_locate_row(r, 0).id);
	e = db_run(x->db, x->arena, SQL(session_end_one, .user_id = user_id,
	    .id = id, REQUESTER(x)), &r);
	return e == E_OK && r->n == 0 ? E_NOT_FOUND : e;
}

enum err
session_list(struct ctx *x, struct str user_id, long limit, long offset,
    struct session_entry **out, size_t *n, int64_t *total)
{
	struct session_list_row first;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(session_list,
	    .user_id = user_id, .limit = limit, .offset = offset), &r);

	if (e != E_OK)
		return e;
	first = session_list_row(r, 0);
	*n = first.id.p ? r->n : 0;
	*total = first.total;
	*out = arena_array(x->arena, r->n, sizeof(**out));
	for (size_t i = 0; i < *n; i++) {
		struct session_list_row row = session_list_row(r, i);

		(*out)[i] = (struct session_entry){
			.id = row.id,
			.numeric_id = row.numeric_id,
			.ip_address = row.ip_address,
			.user_agent = row.user_agent,
			.created_at = row.created_at,
			.last_used_at = row.last_used_at,
			.expires_at = row.expires_at,
			.amr = row.amr,
			.is_current = str_eq(row.id, x->actor),
		};
	}
	return E_OK;
}

bool
session_recent(const struct session *s)
{
	return clock_wall() - s->proved_at <= RECENT;
}
