#include "web/gate_actor.h"

#include "core/access/admin.h"
#include "core/access/api_key.h"
#include "core/access/role.h"
#include "core/limit.h"
#include "core/problem.h"
#include "core/session/signing.h"
#include "crypto/token.h"

/* The credential of a Bearer header; STR_NONE when there is none. */
static enum err
bearer(const struct request *rq, struct str *out)
{
	struct str h = request_header(rq, "HTTP_AUTHORIZATION");

	*out = STR_NONE;
	if (request_header_count(rq, "HTTP_AUTHORIZATION") > 1)
		return E_BAD_REQUEST;
	if (h.n > 7 && str_eq_nocase(str_slice(h, 0, 7), STR("Bearer ")))
		*out = str_trim(str_slice(h, 7, h.n));
	return E_OK;
}

/* Find the credential: at most one, in whichever header. */
static enum err
presented(struct call *c, struct str *token, struct str *key)
{
	struct str header = request_header(c->rq, "HTTP_X_API_KEY");
	struct str prefix = str_of(c->ctx->config->api_key_prefix);
	enum err e = bearer(c->rq, token);

	*key = STR_NONE;
	if (e != E_OK || request_header_count(c->rq, "HTTP_X_API_KEY") > 1)
		return E_BAD_REQUEST;
	if (str_starts(*token, prefix)) {
		*key = *token;
		*token = STR_NONE;
	}
	if (header.n == 0)
		return E_OK;
	if (token->n || (key->n && !str_eq(*key, header)))
		return problem_say(c->ctx, E_BAD_REQUEST, "Please send one "
		    "credential: an access token or an API key, not two "
		    "different ones");
	*key = header;
	return E_OK;
}

/* Read the signing keys again before a token with an unknown kid is refused. */
static enum err
actor_by_token(struct call *c, struct str token, struct limit *limit)
{
	enum err e = signing_refresh(c->ctx, false);

	if (e != E_OK)
		return e;
	e = session_of_token(c->ctx, token, limit, &c->actor.session);
	if (e == E_TOKEN_INVALID && jwt_kid_unknown(c->ctx->arena,
	    c->ctx->jwt, token)) {
		e = signing_refresh(c->ctx, true);
		if (e == E_OK)
			e = session_of_token(c->ctx, token, limit,
			    &c->actor.session);
	}
	return e;
}

/* Does the user hold the row's permission, and may he use it from here? */
static enum err
permitted(struct call *c)
{
	const struct session *s = c->actor.session;
	enum err e;

	if (c->route->who != WHO_PERMISSION)
		return E_OK;
	e = role_holds(c->ctx, s->account.roles, s->role_version,
	    c->route->need);
	metric_pair(METRIC_PERMISSION_SUCCESS, e == E_OK);
	if (e == E_FORBIDDEN)
		admin_refused(c->ctx, s, "admin.refused", c->route->need);
	return e == E_OK ? admin_network(c->ctx, s) : e;
}

/* An API key is counted by its own limit. */
static enum err
actor_by_key(struct call *c, struct str key, const char *scope,
    struct limit **taken)
{
	enum err e;

	*taken = ARENA_NEW(c->ctx->arena, struct limit);
	e = api_key_admit(c->ctx, key, scope, *taken, &c->actor.key);
	metric_pair(METRIC_KEY_SUCCESS, e == E_OK);
	return e;
}

enum err
gate_actor(struct call *c, struct limit *user, struct limit **taken)
{
	bool takes_key = c->route->who == WHO_KEY ||
	    c->route->who == WHO_USER_OR_KEY;
	struct str token, key;
	enum err e = presented(c, &token, &key);

	*taken = NULL;
	if (e != E_OK)
		return e;
	/* On administration's routes a good key learns that it opens none. */
	if (key.n && (takes_key || c->route->who == WHO_PERMISSION))
		return actor_by_key(c, key, takes_key ? c->route->need : NULL,
		    taken);
	if (token.n == 0 || c->route->who == WHO_KEY)
		return key.n || token.n ? E_TOKEN_INVALID : E_UNAUTHENTICATED;
	*taken = user;
	e = actor_by_token(c, token, user);
	if (e == E_OK || e == E_TOKEN_INVALID)
		metric_pair(METRIC_TOKEN_SUCCESS, e == E_OK);
	return e == E_OK ? permitted(c) : e;
}

/*
 * The handler judges a challenge. An expired token does not keep anybody from
 * using a challenge in the body.
 */
enum err
gate_factor(struct call *c, struct limit *user, struct limit *anyone,
    struct limit **taken)
{
	struct str token, key;
	enum err e = presented(c, &token, &key);

	*taken = NULL;
	if (e != E_OK)
		return e;
	if (key.n)
		return actor_by_key(c, key, c->route->need, taken);
	c->actor.refusal = token.n ? E_TOKEN_INVALID : E_UNAUTHENTICATED;
	if (token.n && !token_is(TOKEN_CHALLENGE, token)) {
		*taken = user;
		e = actor_by_token(c, token, user);
		if (e != E_TOKEN_INVALID)
			return e;
	} else {
		c->actor.challenge = token;
	}
	*taken = anyone;
	return limit_take(c->ctx, anyone);
}

enum err
gate_visitor(struct call *c, struct limit *anyone)
{
	struct str token;
	enum err e = bearer(c->rq, &token);

	if (e == E_OK)
		e = limit_take(c->ctx, anyone);
	if (e != E_OK || token.n == 0 || token_is(TOKEN_CHALLENGE, token) ||
	    str_starts(token, str_of(c->ctx->config->api_key_prefix)))
		return e;
	return actor_by_token(c, token, NULL);
}
