#include "core/session/introspect.h"

#include "base/clock.h"
#include "core/access/role.h"
#include "core/session/signing.h"
#include "crypto/token.h"

static enum err
refresh_token(struct ctx *x, struct str token, struct introspection *out)
{
	struct uuid id;
	uint32_t generation;
	struct introspect_session_row found;
	struct rows *r;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_REFRESH, token, &id,
	    &generation))
		return E_OK;
	e = db_run(x->db, x->arena, SQL(introspect_session,
	    .session_id = uuid_text(x->arena, id), .generation = generation),
	    &r);
	if (e != E_OK || r->n == 0)
		return e;
	found = introspect_session_row(r, 0);
	*out = (struct introspection){
		.active = true, .type = "refresh_token",
		.sub = found.user_id, .username = found.username,
		.sid = uuid_text(x->arena, id),
		.exp = found.expires_at / CLOCK_SECOND,
		.iat = found.created_at / CLOCK_SECOND,
	};
	return E_OK;
}

static enum err
access_token(struct ctx *x, struct str token, struct introspection *out)
{
	struct session *s;
	struct str *have, scope = STR("");
	size_t n;
	enum err e = session_of_token(x, token, NULL, &s);

	if (e == E_TOKEN_INVALID)
		return E_OK;
	if (e == E_OK)
		e = role_permissions(x, s->account.roles, s->role_version,
		    &have, &n);
	if (e != E_OK)
		return e;
	for (size_t i = 0; i < n; i++)
		scope = arena_fmt(x->arena, "%.*s%s%.*s", STR_FMT(scope),
		    i ? " " : "", STR_FMT(have[i]));
	*out = (struct introspection){
		.active = true, .type = "access_token", .sub = s->account.id,
		.username = s->account.username, .sid = s->id, .scope = scope,
		.roles = s->account.roles,
		.exp = s->token_exp, .iat = s->token_iat,
	};
	return E_OK;
}

enum err
introspect(struct ctx *x, struct str token, struct introspection *out)
{
	enum err e = signing_refresh(x, false);

	*out = (struct introspection){ .active = false };
	if (e != E_OK)
		return e;
	e = refresh_token(x, token, out);
	if (e == E_OK && !out->active)
		e = access_token(x, token, out);
	if (e == E_OK)
		metric_pair(METRIC_TOKEN_SUCCESS, out->active);
	return e;
}
