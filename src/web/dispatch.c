#include "web/dispatch.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/access/api_key.h"
#include "core/idempotency.h"
#include "core/limit_settle.h"
#include "core/problem.h"
#include "core/session/session.h"
#include "crypto/password/password.h"
#include "http/cors.h"
#include "http/request_make.h"
#include "web/app.h"
#include "web/gate.h"

/* Whom an Idempotency-Key belongs to: the actor, or the network. */
static struct str
scope_of(struct call *c)
{
	struct str who = c->actor.session ? c->actor.session->account.id :
	    c->actor.key ? c->actor.key->id : c->ctx->client;

	return arena_fmt(c->ctx->arena, "%s %s %d\n%.*s",
	    route_method(c->route->method), c->route->path,
	    (int)c->rq->dialect, STR_FMT(who));
}

static enum err
idempotency_key(struct call *c, struct str *key)
{
	*key = request_header(c->rq, "HTTP_IDEMPOTENCY_KEY");
	if (key->n <= LIMIT_IDEMPOTENCY_KEY && str_utf8(*key, NULL))
		return E_OK;
	return problem_say(c->ctx, E_BAD_REQUEST,
	    "The Idempotency-Key is too long");
}

/* The answer in re as bytes; an error e becomes the error answer. */
static struct str
render(struct call *c, enum err e)
{
	struct problem p = problem_of(c->ctx, e);

	if (e != E_OK) {
		if (p.field)
			response_field_error(c->re, p.field, p.sentence);
		response_error(c->re, e, p.field ? NULL : p.sentence);
	}
	if (p.retry_after > 0)
		response_header(c->re, "Retry-After",
		    arena_int(c->ctx->arena, p.retry_after));
	return response_render(c->re, c->rq);
}

/* Run the handler, or repeat the answer kept for the same Idempotency-Key. */
static struct str
run_handler(struct call *c)
{
	struct idempotency idem;
	struct str key, answer;
	bool replayed;
	int status;
	enum err e = idempotency_key(c, &key);

	if (e != E_OK)
		return render(c, e);
	if (key.n == 0 || !(c->route->flags & ROUTE_IDEMPOTENT))
		return render(c, c->route->handler->run(c));
	e = idempotency_begin(c->ctx, scope_of(c), key, c->rq->body,
	    c->rq->json, &idem, &replayed, &status, &answer);
	if (e != E_OK)
		return render(c, e);
	if (replayed) {
		c->re->status = status;
		c->re->raw = answer;
		c->re->content_type = "application/json";
		response_header(c->re, "Idempotency-Replayed", STR("true"));
		return render(c, E_OK);
	}
	answer = render(c, c->route->handler->run(c));
	idempotency_end(c->ctx, &idem, c->re->status, answer);
	return answer;
}

/* Warn once on this host: the operator must name the proxies he trusts. */
static void
tell_hidden(struct app *app, const struct request *rq)
{
	int64_t never = 0;

	if (atomic_compare_exchange_strong(&app->shared->proxy_told, &never,
	    clock_wall()))
		log_warn("a proxy on this host speaks for others and is not "
			 "trusted, or names nobody; limits take all of them "
			 "for one: name it in service.trusted_proxies, and "
			 "have it set X-Forwarded-For",
		    log_s("proxy", rq->client));
}

static struct str
serve_call(struct app *app, struct exchange *x, struct call *c,
    struct request *rq)
{
	enum err e;

	json_use(x->arena);
	e = request_make(rq, app->config->base_path,
	    app->config->trusted_proxies);
	log_request(rq->id);
	c->ctx->client = rq->client;
	c->ctx->hidden = rq->hidden;
	if (rq->hidden)
		tell_hidden(app, rq);
	c->ctx->user_agent = rq->user_agent;
	c->ctx->request_id = rq->id;
	c->ctx->language = request_header(rq, "HTTP_ACCEPT_LANGUAGE");
	if (x->err != E_OK)
		return render(c, x->err);
	if (e != E_OK)
		return render(c, e);
	if (cors_preflight(c->re, rq, app->config->cors_origins))
		return response_render(c->re, rq);
	e = gate(c, x, rq);
	if (e == E_METHOD && rq->method == METHOD_OPTIONS) {
		c->re->status = 204; /* with Allow (RFC 9110, 9.3.7) */
		return response_render(c->re, rq);
	}
	return e == E_OK ? run_handler(c) : render(c, e);
}

/* What the answer says, whichever rule gave it. */
static void
measure_answer(const struct request *rq, const struct call *c)
{
	int status = c->re->status;
	bool login = c->route && c->route->flags & ROUTE_LOGIN;

	metric_took(METRIC_TIME_REQUEST, clock_mono() - rq->started);
	metric_add(status >= 500 ? METRIC_HTTP_5XX :
	    status >= 400 ? METRIC_HTTP_4XX :
	    status >= 300 ? METRIC_HTTP_3XX : METRIC_HTTP_2XX);
	if (status == 423)
		metric_add(METRIC_LOCKED);
	if (login && (status == 200 || status == 401 || status == 403 ||
	    status == 423))
		metric_pair(METRIC_LOGIN_SUCCESS, status == 200);
}

static void
log_answer(const struct request *rq, const struct call *c)
{
	int64_t us = clock_mono() - rq->started;

	if (c->re->status >= 500)
		log_warn("request", log_c("method", route_method(rq->method)),
		    log_s("path", rq->path), log_i("status", c->re->status),
		    log_i("us", us), log_s("client", rq->client));
	else
		log_info("request", log_c("method", route_method(rq->method)),
		    log_s("path", rq->path), log_i("status", c->re->status),
		    log_i("us", us), log_s("client", rq->client));
}

void
dispatch(void *obj, struct exchange *x)
{
	struct app *app = obj;
	struct request rq = { .arena = x->arena, .params = x->params,
		.nparams = x->nparams, .started = clock_mono() };
	struct response re = { .status = 200, .message = "OK" };
	struct call c = { .ctx = app_ctx(app, x->arena), .rq = &rq,
		.re = &re };
	struct str body = serve_call(app, x, &c, &rq);

	password_share(STR_NONE);
	cors_headers(&re, &rq, app->config->cors_origins);
	if (re.more)
		transport_stream(x, re.status, re.headers, re.nheaders, body,
		    re.more, re.more_of);
	else
		transport_answer(x, re.status, re.headers, re.nheaders, body);
	measure_answer(&rq, &c);
	log_answer(&rq, &c);
	/* After the answer, so that nobody waits for this. */
	if (api_key_overdue())
		api_key_settle(c.ctx);
	if (limit_settle_due(c.ctx, LIMIT_SETTLE_LATE))
		limit_settle(c.ctx);
	log_request(STR_NONE);
}
