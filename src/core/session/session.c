#include "core/session/session.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "core/session/session_cache.h"
#include "core/session/session_change.h"
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

static enum err
load(struct ctx *x, struct str sid, struct str uid,
    const struct session_found *f, struct session **out)
{
	const struct statement step = SQL(session_load, .session_id = sid,
	    .user_id = uid);
	struct rows *r;
	enum err e = f->ask ? session_change_ask(x, &step, &r) :
	    db_run(x->db, x->arena, step, &r);

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_TOKEN_INVALID;
	if (session_load_row(r, 0).stale)
		(void)db_run(x->db, x->arena, SQL(session_touch,
		    .session_id = sid), NULL);
	*out = from_cells(x, r, sid);
	if (f->keep)
		session_cache_keep(x, sid, uid, r);
	return E_OK;
}

static enum err
find_session(struct ctx *x, struct limit *l, struct str sid, struct str uid,
    struct session **out)
{
	struct session_found f;

	if (session_cache_find(x, l, sid, uid, &f) == E_LIMITED)
		return E_LIMITED;
	/* Redis did not count it. */
	if (l && !l->known && limit_without_cache(x, l) == E_LIMITED)
		return E_LIMITED;
	if (!f.hit)
		return load(x, sid, uid, &f, out);
	*out = from_cells(x, &f.row, sid);
	return E_OK;
}

enum err
session_of_token(struct ctx *x, struct str token, struct limit *limit,
    struct session **out)
{
	struct jwt_claims c;
	struct uuid u;
	enum err e = signing_verify(x, token, &c);

	if (e != E_OK)
		return e;
	if (!uuid_parse(c.sub, &u) || !uuid_parse(c.sid, &u))
		return E_TOKEN_INVALID;
	if (limit)
		limit->whose = c.sub;
	return find_session(x, limit, c.sid, c.sub, out);
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
