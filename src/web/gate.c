#include "web/gate.h"

#include "base/clock.h"
#include "base/limits.h"
#include "core/access/admin.h"
#include "core/access/api_key.h"
#include "core/access/role.h"
#include "core/factor/factor.h"
#include "core/limit.h"
#include "core/problem.h"
#include "crypto/password/password.h"
#include "web/gate_actor.h"

#define QUARTER (900 * CLOCK_SECOND)
#define HOUR (3600 * CLOCK_SECOND)
#define MINUTE (60 * CLOCK_SECOND)

/* Every bucket, from the settings. */
static struct limit
limit_in(const struct config *k, enum bucket bucket)
{
	switch (bucket) {
	case BUCKET_LOGIN:
		return (struct limit){ .name = "login", .max = k->limit_login,
			.window = k->limit_window, .durable = true,
			.by_network = true };
	case BUCKET_REGISTER:
		return (struct limit){ .name = "register",
			.max = k->limit_register, .window = k->limit_window,
			.durable = true, .by_network = true };
	case BUCKET_SIGNUP:
		return (struct limit){ .name = "signup",
			.max = k->limit_signup, .window = HOUR,
			.durable = true, .by_network = true };
	case BUCKET_RESET:
		return (struct limit){ .name = "password_reset",
			.max = k->limit_reset, .window = HOUR,
			.durable = true, .by_network = true };
	case BUCKET_ANONYMOUS:
		return (struct limit){ .name = "anonymous",
			.max = k->limit_anonymous, .window = QUARTER };
	case BUCKET_USER:
		return (struct limit){ .name = "user", .max = k->limit_user,
			.window = MINUTE };
	case BUCKET_ADMIN:
		return (struct limit){ .name = "admin", .max = k->limit_admin,
			.window = QUARTER };
	case BUCKET_NONE:
		break;
	}
	return (struct limit){ 0 };
}

/* The row's bucket; NULL: it has none. */
static struct limit *
limit_of(struct call *c, enum bucket bucket)
{
	struct limit *l = ARENA_NEW(c->ctx->arena, struct limit);

	*l = limit_in(c->ctx->config, bucket);
	return l->name ? l : NULL;
}

static void
limit_headers(struct call *c, const struct limit *l)
{
	struct arena *a = c->ctx->arena;

	if (l == NULL || !l->known)
		return;
	response_header(c->re, "X-RateLimit-Limit",
	    arena_int(a, l->max));
	response_header(c->re, "X-RateLimit-Remaining",
	    arena_int(a, l->remaining));
	response_header(c->re, "X-RateLimit-Reset",
	    arena_int(a, l->reset));
}

/* Check the body's size, then its type, then read it as a JSON object. */
static enum err
take_body(struct call *c, struct exchange *x, struct request *rq)
{
	const char *why = NULL;
	enum err e;

	if (c->route->method == METHOD_GET)
		return E_OK;
	e = transport_body(x, c->route->flags & ROUTE_UPLOAD ? LIMIT_UPLOAD :
	    LIMIT_BODY_JSON, &rq->body);
	if (e != E_OK || c->route->handler->fields == NULL)
		return e;
	e = request_read_json(rq, &why);
	if (e == E_BAD_JSON && why)
		return problem_say(c->ctx, e, arena_fmt(rq->arena,
		    "The request body is not valid JSON: %s", why).p);
	if (e == E_MEDIA_TYPE && why) {
		response_header(c->re, "Accept-Encoding", STR("identity"));
		return problem_say(c->ctx, e, why);
	}
	return e;
}

/* A limit per user is taken together with the session. */
static bool
per_user(const struct route *r)
{
	return r->bucket == BUCKET_USER || r->bucket == BUCKET_ADMIN;
}

static enum err
check_limit_and_actor(struct call *c)
{
	struct limit *l = limit_of(c, c->route->bucket);
	struct limit *own = NULL;
	enum err e = E_OK;

	if (c->route->who == WHO_FACTOR)
		e = gate_factor(c, limit_of(c, BUCKET_USER), l, &l);
	else if (c->route->who == WHO_ANYONE_OR_USER)
		e = gate_visitor(c, l);
	else if (l && !per_user(c->route))
		e = limit_take(c->ctx, l);
	if (e == E_OK && c->route->who != WHO_ANYONE &&
	    c->route->who != WHO_ANYONE_OR_USER &&
	    c->route->who != WHO_FACTOR)
		e = gate_actor(c, per_user(c->route) ? l : NULL, &own);
	limit_headers(c, own ? own : l);
	return e;
}

/*
 * A user who must set up a second factor may do nothing else before (row TO11);
 * the same holds for one whose address must be verified again (row LG7).
 */
static enum err
check_enrolled(const struct call *c)
{
	const struct session *s = c->actor.session;

	if (s == NULL || c->route->flags & ROUTE_ENROL)
		return E_OK;
	if (account_unverified(c->ctx, &s->account))
		return E_EMAIL_NOT_VERIFIED;
	return account_unenrolled(c->ctx, &s->account) ? E_ENROLMENT_REQUIRED :
	    E_OK;
}

/* Where the settings ask for it, administration needs a second factor (RB7). */
static enum err
administration(const struct call *c)
{
	const struct session *s = c->actor.session;

	if (!c->ctx->config->admin_factor)
		return E_OK;
	if (!s->account.two_factor_enabled)
		return E_ENROLMENT_REQUIRED;
	return factor_proved(s, QUARTER) ? E_OK : E_REAUTH_REQUIRED;
}

/* Is the last proof of the user recent enough for this route? */
static enum err
check_recent(const struct call *c)
{
	const struct session *s = c->actor.session;
	bool admin = c->route->who == WHO_PERMISSION;
	bool staff = s && c->route->flags & ROUTE_STAFF &&
	    subject_is_admin(s->account.roles);
	enum err e = admin ? administration(c) : E_OK;

	if (e != E_OK || s == NULL ||
	    !(staff || c->route->flags & ROUTE_RECENT))
		return e;
	return factor_recent(s) ? E_OK : E_REAUTH_REQUIRED;
}

/* Note who asks: core/access/actor.h and the count of hashes use it. */
static void
acts(struct call *c)
{
	const struct session *s = c->actor.session;
	const struct api_key *k = c->actor.key;

	c->ctx->actor = s ? s->id : k ? k->id : STR_NONE;
	c->ctx->actor_user = s ? s->account.id : k ? k->user_id : STR_NONE;
}

enum err
gate_caller(struct call *c)
{
	enum err e = check_limit_and_actor(c);

	if (e == E_OK)
		acts(c);
	if (e == E_OK)
		password_share(c->ctx->actor_user);
	if (e == E_OK)
		e = check_enrolled(c);
	return e == E_OK ? check_recent(c) : e;
}

enum err
gate_administers(struct call *c, const char *permission)
{
	const struct session *s = c->actor.session;
	enum err e = role_holds(c->ctx, s->account.roles, s->role_version,
	    permission);

	if (e == E_OK)
		e = admin_network(c->ctx, s);
	return e == E_OK ? administration(c) : e;
}

enum err
gate(struct call *c, struct exchange *x, struct request *rq)
{
	bool root = rq->dialect == DIALECT_ROOT;
	struct str allow = STR_NONE;
	enum err e = route_find(rq->arena, rq->method, rq->path, root,
	    &c->route, c->arg, &allow);

	if (allow.n)
		response_header(c->re, "Allow", allow);
	if (e != E_OK)
		return e;
	if (x->lane_full && c->route->lane == LANE_HEAVY)
		return problem_later(c->ctx, E_BUSY, 0, NULL);
	e = take_body(c, x, rq);
	if (e == E_OK)
		e = gate_caller(c);
	if (e == E_OK && c->route->handler->fields)
		e = schema_check(c->route->handler->fields, rq, c->re,
		    &c->in);
	return e;
}
