#include "grpc/grpc_call.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/access/api_key.h"
#include "core/limit_settle.h"
#include "core/problem.h"
#include "crypto/password/password.h"
#include "grpc/grpc_details.h"
#include "grpc/grpc_frame.h"
#include "grpc/grpc_params.h"
#include "grpc/grpc_timeout.h"
#include "http/request_make.h"
#include "web/gate.h"

#define MOST_TIME (60 * CLOCK_SECOND)

/* A call in hand, and how it ends. */
struct hand {
	struct grpc_server *server;
	struct h2_stream *stream;
	const struct grpc_method *method; /* NULL: no such */
	struct grpc_call g;
	struct request rq;
	struct response re;
	/* set where the protocol and not core says no */
	enum grpc_status status;
	const char *why;
};

static const struct grpc_method *
method_of(const struct grpc_server *s, const struct h2_stream *st)
{
	return s->find(h2_stream_header(st, STR(":path")));
}

/* Is the content what we read: application/grpc, alone, +proto or ;…? */
static bool
content_known(const struct h2_stream *st)
{
	struct str type = h2_stream_header(st, STR("content-type"));
	struct str base = STR("application/grpc"), rest;

	rest = str_slice(type, base.n, type.n);
	return str_starts(type, base) && (rest.n == 0 || rest.p[0] == ';' ||
	    str_starts(rest, STR("+proto")));
}

static bool
encoding_known(const struct h2_stream *st)
{
	struct str s = h2_stream_header(st, STR("grpc-encoding"));

	return s.n == 0 || str_eq(s, STR("identity"));
}

static void
open_stream(void *obj, struct h2_stream *st)
{
	const struct grpc_server *s = obj;
	const struct grpc_method *m = method_of(s, st);
	int64_t usual = m && m->streaming ? MOST_TIME : s->usual_time;

	st->streaming = m && m->streaming;
	st->refused = m == NULL || !content_known(st) || !encoding_known(st);
	st->until = clock_mono() + grpc_timeout_of(h2_stream_header(st,
	    STR("grpc-timeout")), usual, MOST_TIME);
}

/* --- the end of a call */

static struct str
limit_name(struct arena *a, const char *name)
{
	return arena_lower(a, str_of(name));
}

/* The headers that HTTP would answer with, and the id to find it in the log. */
static void
add_trailers(struct hand *h)
{
	struct arena *a = h->server->arena;
	const struct response *re = &h->re;

	for (size_t i = 0; i < re->nheaders; i++)
		h2_stream_trailer(h->stream,
		    limit_name(a, re->headers[i].name), re->headers[i].value);
	if (h->rq.id.n)
		h2_stream_trailer(h->stream, STR("x-request-id"), h->rq.id);
}

static void
end_stream(struct hand *h, enum grpc_status status, const char *why,
    struct str details)
{
	struct arena *a = h->server->arena;
	struct h2_stream *st = h->stream;

	h2_stream_trailer(st, STR("grpc-status"), arena_int(a, status));
	if (why)
		h2_stream_trailer(st, STR("grpc-message"),
		    grpc_status_message(a, str_of(why)));
	if (details.n)
		h2_stream_trailer(st, STR("grpc-status-details-bin"),
		    details);
	add_trailers(h);
	h2_stream_finish(st);
}

/* By what core said: e with its sentence and details. */
static enum grpc_status
end_by_error(struct hand *h, enum err e)
{
	struct problem p = problem_of(h->g.call.ctx, e);
	enum grpc_status status = grpc_status_of(e);

	if (e == E_OK) {
		end_stream(h, status, NULL, STR_NONE);
		return status;
	}
	p.err = e;
	if (p.sentence == NULL)
		p.sentence = err_sentence(e);
	if (p.retry_after > 0)
		response_header(&h->re, "Retry-After",
		    arena_int(h->server->arena, p.retry_after));
	h->stream->out.n = h->stream->sent; /* part of a refused answer */
	end_stream(h, status, p.sentence,
	    grpc_details(h->server->arena, status, &p));
	return status;
}

/* By what the protocol forbids; core was not asked. */
static void
refuse(struct hand *h, enum grpc_status status, const char *why)
{
	h->status = status;
	h->why = why;
}

/* --- a message */

static void
refuse_frame(struct hand *h, enum grpc_frame f)
{
	switch (f) {
	case GRPC_FRAME_COMPRESSED:
		refuse(h, GRPC_STATUS_UNIMPLEMENTED,
		    "compressed messages are not supported");
		return;
	case GRPC_FRAME_LARGE:
		refuse(h, GRPC_STATUS_RESOURCE_EXHAUSTED,
		    "the message is larger than 64 KiB");
		return;
	default:
		refuse(h, GRPC_STATUS_INVALID_ARGUMENT,
		    "the call does not hold one whole message");
	}
}

static enum err
run_method(struct hand *h)
{
	struct arena *a = h->server->arena;
	const ProtobufCMessage *in, *out = NULL;
	enum err e;

	in = grpc_wire_read(a, h->method->request, h->g.message);
	if (in == NULL)
		return problem_say(h->g.call.ctx, E_BAD_REQUEST,
		    "The message is not one of this method");
	e = h->method->run(&h->g, in, &out);
	if (e == E_OK)
		h2_stream_send(h->stream, grpc_frame_make(a,
		    grpc_wire_write(a, out)));
	return e;
}

static enum err
run_unary(struct hand *h)
{
	const struct h2_stream *st = h->stream;
	enum grpc_frame f = grpc_frame_only((struct str){ st->in.p, st->in.n },
	    &h->g.message);
	enum err e = E_OK;

	if (f != GRPC_FRAME_WHOLE) {
		refuse_frame(h, f);
		return E_OK;
	}
	if (h->g.call.route->who)
		e = gate_caller(&h->g.call);
	return e == E_OK ? run_method(h) : e;
}

/* Answer what is there; true: there may come more. */
static bool
run_streaming(struct hand *h, enum err *e)
{
	struct h2_stream *st = h->stream;
	struct str all = { st->in.p, st->in.n }, rest = all;
	enum grpc_frame f;

	*e = E_OK;
	while (*e == E_OK && (f = grpc_frame_take(rest, &h->g.message,
	    &rest)) == GRPC_FRAME_WHOLE)
		*e = run_method(h);
	if (*e != E_OK)
		return false;
	if (f != GRPC_FRAME_PART || (st->ended && rest.n)) {
		refuse_frame(h, f);
		return false;
	}
	h2_bytes_drop(&st->in, all.n - rest.n);
	return !st->ended;
}

/* --- a call */

/* What the protocol says of the headers, before anything is read. */
static bool
acceptable(struct hand *h)
{
	struct h2_stream *st = h->stream;

	if (st->headers_large)
		refuse(h, GRPC_STATUS_RESOURCE_EXHAUSTED,
		    "the metadata is larger than 8 KiB");
	else if (!content_known(st)) {
		st->http_status = 415;
		refuse(h, GRPC_STATUS_INVALID_ARGUMENT,
		    "content-type must be application/grpc");
	} else if (!str_eq(h2_stream_header(st, STR(":method")), STR("POST")) ||
	    h->method == NULL)
		refuse(h, GRPC_STATUS_UNIMPLEMENTED,
		    "there is no such method");
	else if (!encoding_known(st))
		refuse(h, GRPC_STATUS_UNIMPLEMENTED,
		    "compressed messages are not supported");
	else if (st->body_large)
		refuse_frame(h, GRPC_FRAME_LARGE);
	else if (clock_mono() > st->until)
		refuse(h, GRPC_STATUS_DEADLINE_EXCEEDED,
		    "the deadline passed before the call was served");
	return h->why == NULL;
}

static void
make_request(struct hand *h, struct str client)
{
	struct ctx *x = app_ctx(&h->server->app, h->server->arena);

	h->rq = (struct request){ .arena = h->server->arena,
		.started = clock_mono() };
	h->re = (struct response){ .status = 200, .message = "OK" };
	grpc_params(&h->rq, h->stream, client);
	/* There is no target: a method is found by its own name. */
	(void)request_make(&h->rq, "", x->config->trusted_proxies);
	x->client = h->rq.client;
	x->hidden = h->rq.hidden;
	x->user_agent = h->rq.user_agent;
	x->request_id = h->rq.id;
	x->language = request_header(&h->rq, "HTTP_ACCEPT_LANGUAGE");
	h->g = (struct grpc_call){ .app = &h->server->app, .call = {
	    .ctx = x, .rq = &h->rq, .re = &h->re,
	    .route = h->method ? &h->method->row : NULL } };
	log_request(h->rq.id);
}

static void
tell_end(const struct hand *h, enum grpc_status status)
{
	int64_t us = clock_mono() - h->rq.started;
	const char *path = h->method ? h->method->row.path : "unknown";
	bool ours = status == GRPC_STATUS_INTERNAL ||
	    status == GRPC_STATUS_UNAVAILABLE;

	metric_took(METRIC_TIME_REQUEST, us);
	metric_add(status == GRPC_STATUS_OK ? METRIC_GRPC_OK :
	    ours ? METRIC_GRPC_FAILED : METRIC_GRPC_REFUSED);
	if (ours)
		log_warn("call", log_c("method", path),
		    log_i("status", status), log_i("us", us),
		    log_s("client", h->rq.client));
	else
		log_info("call", log_c("method", path),
		    log_i("status", status), log_i("us", us),
		    log_s("client", h->rq.client));
}

/* A call that took too long is not answered as if it had not. */
static void
end_call(struct hand *h, enum err e)
{
	enum grpc_status status = h->status;

	if (h->why == NULL && clock_mono() > h->stream->until) {
		status = GRPC_STATUS_DEADLINE_EXCEEDED;
		h->why = "the call took longer than its deadline";
	}
	if (h->why) {
		h->stream->out.n = h->stream->sent;
		end_stream(h, status, h->why, STR_NONE);
	} else
		status = end_by_error(h, e);
	tell_end(h, status);
}

/* After the answer, as HTTP does it. */
static void
settle(struct hand *h)
{
	struct ctx *x = h->g.call.ctx;

	password_share(STR_NONE);
	if (api_key_overdue())
		api_key_settle(x);
	if (limit_settle_due(x, LIMIT_SETTLE_LATE))
		limit_settle(x);
	log_request(STR_NONE);
	arena_reset(h->server->arena);
}

static void
serve_stream(void *obj, struct h2_stream *st, struct str client)
{
	struct hand h = { .server = obj, .stream = st,
		.method = method_of(obj, st) };
	bool more = false;
	enum err e = E_OK;

	make_request(&h, client);
	if (acceptable(&h)) {
		if (st->streaming)
			more = run_streaming(&h, &e);
		else
			e = run_unary(&h);
	}
	if (!more)
		end_call(&h, e);
	settle(&h);
}

static void
end_late(void *obj, struct h2_stream *st)
{
	struct hand h = { .server = obj, .stream = st,
		.method = method_of(obj, st) };

	make_request(&h, STR_NONE);
	refuse(&h, GRPC_STATUS_DEADLINE_EXCEEDED,
	    "the call did not come in time");
	end_call(&h, E_OK);
	settle(&h);
}

void
grpc_call_server(struct grpc_server *s)
{
	s->h2 = (struct h2_server){ s, open_stream, serve_stream, end_late };
}
