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
from_cells(struct ctx *x, const struct rows *r, struct str sid,
    struct str uid)
{
	struct session *s = ARENA_NEW(x->arena, struct session);

	s->id = sid;
	s->numeric_id = row_int(r, 0, 0);
	s->amr = row_str(r, 0, 1);
	s->ip_address = row_str(r, 0, 2);
	s->user_agent = row_str(r, 0, 3);
	s->created_at = row_int(r, 0, 4);
	s->proved_at = row_int(r, 0, 5);
	s->expires_at = row_int(r, 0, 6);
	s->account = (struct account){
		.id = uid,
		.numeric_id = row_int(r, 0, 7),
		.email = row_str(r, 0, 8),
		.username = row_str(r, 0, 9),
		.first_name = row_str(r, 0, 10),
		.last_name = row_str(r, 0, 11),
		.full_name = row_str(r, 0, 12),
		.is_active = true,
		.is_verified = row_bool(r, 0, 13),
		.two_factor_enabled = row_bool(r, 0, 14),
		.roles = row_str(r, 0, 15),
		.picture_url = row_str(r, 0, 16),
		.cover_url = row_str(r, 0, 17),
		.last_login_at = row_int(r, 0, 18),
		.created_at = row_int(r, 0, 19),
		.updated_at = row_int(r, 0, 20),
	};
	s->role_version = row_int(r, 0, 21);
	return s;
}

static enum err
load(struct ctx *x, struct str sid, struct str uid,
    const struct session_found *f, struct session **out)
{
	const struct arg args[] = { A_STR(sid), A_STR(uid) };
	const struct statement step = SQL_AT(Q_SESSION_LOAD, args, 2);
	struct rows *r;
	enum err e = f->ask ? session_change_ask(x, &step, &r) :
	    db_run(x->db, x->arena, step, &r);

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_TOKEN_INVALID;
	if (row_bool(r, 0, 22))
		(void)db_exec(x->db, x->arena, Q_SESSION_TOUCH, NULL,
		    A_STR(sid));
	*out = from_cells(x, r, sid, uid);
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
	*out = from_cells(x, &f.row, sid, uid);
	return E_OK;
}

enum err
session_of_token(struct ctx *x, struct str token, struct limit *limit,
    struct session **out)
{
	struct jwt_check check = {
		.iss = signing_issuer(x->config),
		.aud = x->config->jwt_audience,
		.now = clock_wall() / CLOCK_SECOND,
		.max_ttl = x->config->access_ttl / CLOCK_SECOND,
	};
	struct jwt_claims c;
	struct uuid u;
	enum err e = jwt_verify(x->arena, x->jwt, &check, token, &c);

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
	return db_exec(x->db, x->arena, Q_SESSION_END, NULL, A_STR(user_id),
	    A_STR(session_id), A_TEXT(names[scope]), A_TEXT(reason),
	    A_STR(x->client), A_STR(x->user_agent), A_STR(x->request_id));
}

enum err
session_end_one(struct ctx *x, struct str user_id, struct str id)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_SESSION_LOCATE, &r,
	    A_STR(user_id), A_STR(id));

	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e != E_OK)
		return e;
	session_stale(x, row_str(r, 0, 0));
	e = db_exec(x->db, x->arena, Q_SESSION_END_ONE, &r, A_STR(user_id),
	    A_STR(id), A_STR(x->client), A_STR(x->user_agent),
	    A_STR(x->request_id));
	return e == E_OK && r->n == 0 ? E_NOT_FOUND : e;
}

enum err
session_list(struct ctx *x, struct str user_id, long limit, long offset,
    struct session_entry **out, size_t *n, int64_t *total)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_SESSION_LIST, &r,
	    A_STR(user_id), A_INT(limit), A_INT(offset));

	if (e != E_OK)
		return e;
	if (r->n == 0 && offset > 0) { /* past the end: the total alone */
		e = session_list(x, user_id, 1, 0, out, n, total);
		*n = 0;
		return e;
	}
	*n = r->n;
	*total = r->n ? row_int(r, 0, 8) : 0;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = (struct session_entry){
			.id = row_str(r, i, 0),
			.numeric_id = row_int(r, i, 1),
			.ip_address = row_str(r, i, 2),
			.user_agent = row_str(r, i, 3),
			.created_at = row_int(r, i, 4),
			.last_used_at = row_int(r, i, 5),
			.expires_at = row_int(r, i, 6),
			.amr = row_str(r, i, 7),
		};
	return E_OK;
}

bool
session_recent(const struct session *s)
{
	return clock_wall() - s->proved_at <= RECENT;
}
