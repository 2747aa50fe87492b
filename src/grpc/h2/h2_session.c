#include "grpc/h2/h2_session.h"

#include <stdlib.h>
#include <sys/types.h>

#include <nghttp2/nghttp2.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "grpc/h2/h2_flood.h"

#define TAKE_TIME (10 * CLOCK_SECOND) /* for a peer to take its answer */
#define HEAD_TIME (5 * CLOCK_SECOND)  /* for a block of headers to be whole */
#define MOST_PAIRS 32
#define MOST_ACKS 100	 /* answers to PING and SETTINGS that wait */
#define MOST_SETTINGS 32 /* in one frame */
#define MUCH_DATA 1024	 /* so much in a frame is work, not a flood */
#define MESSAGE_FRAME (LIMIT_GRPC_MESSAGE + 5)
#define STREAM_WINDOW (MESSAGE_FRAME + 1) /* it may be seen to be too large */
/*
 * What waits to be served, and to be taken, of one connection. A call that is
 * not whole gives its part back at its deadline.
 */
#define WINDOW (256 << 10)
#define MOST_OUT ((size_t)512 << 10)

struct h2_session {
	nghttp2_session *h2;
	const struct h2_server *server;
	struct h2_stream *oldest, **newest;
	size_t nstreams;
	struct h2_flood flood;
	bool met, flooded;
};

static nghttp2_nv
pair(struct str name, struct str value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.p,
		(uint8_t *)(uintptr_t)value.p, name.n, value.n,
		NGHTTP2_NV_FLAG_NONE };
}

/* --- the list of streams */

static struct h2_stream *
stream_of(const struct h2_session *s, int32_t id)
{
	return nghttp2_session_get_stream_user_data(s->h2, id);
}

static void
add_stream(struct h2_session *s, int32_t id)
{
	struct h2_stream *st = memory_new("a stream", 1, sizeof(*st));

	st->id = id;
	st->http_status = 200;
	st->until = clock_mono() + HEAD_TIME;
	*s->newest = st;
	s->newest = &st->next;
	s->nstreams++;
	nghttp2_session_set_stream_user_data(s->h2, id, st);
}

static void
remove_stream(struct h2_session *s, struct h2_stream *st)
{
	struct h2_stream **at = &s->oldest;

	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
	if (*at == NULL)
		s->newest = at;
	s->nstreams--;
	nghttp2_session_consume_connection(s->h2, st->in.n);
	h2_stream_free(st);
}

/* --- what comes in */

static void
pay(struct h2_session *s, int64_t cost)
{
	if (s->flooded || h2_flood_pay(&s->flood, cost, clock_mono()))
		return;
	s->flooded = true;
	nghttp2_session_terminate_session(s->h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Every frame, before it is read: CONTINUATION too. */
static int
on_begin_frame(nghttp2_session *h2, const nghttp2_frame_hd *hd, void *obj)
{
	struct h2_session *s = obj;

	(void)h2;
	if (hd->type != NGHTTP2_DATA || hd->length < MUCH_DATA)
		pay(s, hd->type == NGHTTP2_RST_STREAM ? H2_FLOOD_RESET : 1);
	return s->flooded ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int
on_begin_headers(nghttp2_session *h2, const nghttp2_frame *f, void *obj)
{
	(void)h2;
	if (f->hd.type == NGHTTP2_HEADERS &&
	    f->headers.cat == NGHTTP2_HCAT_REQUEST)
		add_stream(obj, f->hd.stream_id);
	return 0;
}

static int
on_header(nghttp2_session *h2, const nghttp2_frame *f, const uint8_t *name,
    size_t nname, const uint8_t *value, size_t nvalue, uint8_t flags,
    void *obj)
{
	struct h2_stream *st = stream_of(obj, f->hd.stream_id);

	(void)h2;
	(void)flags;
	/* Trailers of a client say nothing that is used. */
	if (st && f->headers.cat == NGHTTP2_HCAT_REQUEST)
		h2_stream_take_header(st,
		    (struct str){ (const char *)name, nname },
		    (struct str){ (const char *)value, nvalue });
	return 0;
}

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *p,
    size_t n, void *obj)
{
	struct h2_stream *st = stream_of(obj, id);

	(void)flags;
	if (st && !st->finished && st->in.n + n > MESSAGE_FRAME)
		st->body_large = true;
	if (st == NULL || st->finished || st->body_large) {
		nghttp2_session_consume_connection(h2, n);
		return 0;
	}
	/* The connection's window has it back when it is served. */
	h2_bytes_add(&st->in, p, n);
	st->fresh = true;
	return 0;
}

static int
on_frame(nghttp2_session *h2, const nghttp2_frame *f, void *obj)
{
	struct h2_session *s = obj;
	struct h2_stream *st = stream_of(s, f->hd.stream_id);

	(void)h2;
	s->met |= f->hd.type == NGHTTP2_SETTINGS;
	if (st == NULL || (f->hd.type != NGHTTP2_HEADERS &&
	    f->hd.type != NGHTTP2_DATA))
		return 0;
	if (f->hd.type == NGHTTP2_HEADERS &&
	    f->headers.cat == NGHTTP2_HCAT_REQUEST) {
		st->opened = true;
		s->server->open(s->server->obj, st);
	}
	st->ended |= (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	return 0;
}

static int
on_close(nghttp2_session *h2, int32_t id, uint32_t code, void *obj)
{
	struct h2_stream *st = stream_of(obj, id);

	(void)h2;
	(void)code;
	if (st)
		remove_stream(obj, st);
	return 0;
}

/* --- what goes out */

/* An answer that is whole while the call still comes: it need not. */
static int
on_sent(nghttp2_session *h2, const nghttp2_frame *f, void *obj)
{
	struct h2_stream *st = stream_of(obj, f->hd.stream_id);

	if (st && !st->ended && !st->reset && st->finished &&
	    (f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
	    f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		st->reset = true;
		nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, st->id,
		    NGHTTP2_NO_ERROR);
	}
	return 0;
}

static size_t
pairs_of(const struct h2_stream *st, nghttp2_nv *all, size_t most)
{
	struct str name, value;
	size_t n = 0, at = 0;

	while (n < most && h2_stream_next(&st->tail, &at, &name, &value))
		all[n++] = pair(name, value);
	return n;
}

static ssize_t
read_answer(nghttp2_session *h2, int32_t id, uint8_t *to, size_t n,
    uint32_t *flags, nghttp2_data_source *source, void *obj)
{
	struct h2_stream *st = source->ptr;
	nghttp2_nv tail[MOST_PAIRS];

	(void)obj;
	if (n > st->out.n - st->sent)
		n = st->out.n - st->sent;
	if (n)
		memcpy(to, st->out.p + st->sent, n);
	st->sent += n;
	if (st->sent < st->out.n)
		return (ssize_t)n;
	st->sent = st->out.n = 0;
	if (!st->finished)
		return n ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
	if (nghttp2_submit_trailer(h2, id, tail,
	    pairs_of(st, tail, MOST_PAIRS)) != 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return (ssize_t)n;
}

/* The headers of an answer; one without a message ends with them. */
static void
submit(struct h2_session *s, struct h2_stream *st)
{
	nghttp2_data_provider data = { { .ptr = st }, read_answer };
	bool whole = st->finished && st->out.n == 0;
	const char code[] = { (char)('0' + st->http_status / 100),
		(char)('0' + st->http_status / 10 % 10),
		(char)('0' + st->http_status % 10) };
	nghttp2_nv all[MOST_PAIRS] = {
		pair(STR(":status"), (struct str){ code, sizeof(code) }),
		pair(STR("content-type"), STR("application/grpc")),
		pair(STR("grpc-accept-encoding"), STR("identity")),
	};
	size_t n = 3;

	if (whole)
		n += pairs_of(st, all + n, MOST_PAIRS - n);
	st->submitted = true;
	nghttp2_submit_response(s->h2, st->id, all, n, whole ? NULL : &data);
}

/* What was said of a stream goes on its way. */
static void
answer(struct h2_session *s, struct h2_stream *st)
{
	if (st->finished) {
		st->until = clock_mono() + TAKE_TIME;
		h2_flood_earn(&s->flood);
	}
	if (st->submitted)
		nghttp2_session_resume_data(s->h2, st->id);
	else if (st->finished || st->out.n)
		submit(s, st);
}

/* --- the session */

static nghttp2_session_callbacks *
make_callbacks(void)
{
	nghttp2_session_callbacks *c;

	if (nghttp2_session_callbacks_new(&c) != 0)
		memory_exhausted("a connection", sizeof(c));
	nghttp2_session_callbacks_set_on_begin_frame_callback(c,
	    on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c,
	    on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
	return c;
}

static void
open_session(struct h2_session *s)
{
	nghttp2_session_callbacks *c = make_callbacks();
	nghttp2_option *o;

	if (nghttp2_option_new(&o) != 0)
		memory_exhausted("a connection", sizeof(o));
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_outbound_ack(o, MOST_ACKS);
	nghttp2_option_set_max_settings(o, MOST_SETTINGS);
	if (nghttp2_session_server_new2(&s->h2, c, s, o) != 0)
		memory_exhausted("a connection", sizeof(s));
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(c);
}

struct h2_session *
h2_session_new(const struct h2_server *server)
{
	struct h2_session *s = memory_new("a connection", 1, sizeof(*s));
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		    LIMIT_GRPC_STREAMS },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		    LIMIT_GRPC_METADATA },
	};

	s->server = server;
	s->newest = &s->oldest;
	s->flood = h2_flood_new(clock_mono());
	open_session(s);
	nghttp2_submit_settings(s->h2, NGHTTP2_FLAG_NONE, settings,
	    sizeof(settings) / sizeof(*settings));
	nghttp2_session_set_local_window_size(s->h2, NGHTTP2_FLAG_NONE, 0,
	    WINDOW);
	return s;
}

void
h2_session_free(struct h2_session *s)
{
	while (s->oldest) /* before what they are accounted by */
		remove_stream(s, s->oldest);
	nghttp2_session_del(s->h2);
	free(s);
}

bool
h2_session_feed(struct h2_session *s, struct str bytes)
{
	ssize_t n = nghttp2_session_mem_recv(s->h2,
	    (const uint8_t *)bytes.p, bytes.n);

	return n >= 0 && (size_t)n == bytes.n && !s->flooded;
}

struct str
h2_session_output(struct h2_session *s)
{
	const uint8_t *p = NULL;
	ssize_t n = nghttp2_session_mem_send(s->h2, &p);

	return n > 0 ? (struct str){ (const char *)p, (size_t)n } : STR_NONE;
}

bool
h2_session_met(const struct h2_session *s)
{
	return s->met;
}

/* A peer that does not take its answers gets no further ones. */
static struct h2_stream *
first_ready(const struct h2_session *s)
{
	struct h2_stream *first = NULL;
	size_t waiting = 0;

	for (struct h2_stream *st = s->oldest; st; st = st->next) {
		waiting += st->out.n - st->sent;
		if (first == NULL && h2_stream_ready(st))
			first = st;
	}
	return waiting < MOST_OUT ? first : NULL;
}

bool
h2_session_ready(const struct h2_session *s)
{
	return first_ready(s) != NULL;
}

bool
h2_session_serve(struct h2_session *s, struct str client)
{
	struct h2_stream *st = first_ready(s);
	size_t had;

	if (st == NULL)
		return false;
	st->fresh = false;
	had = st->in.n;
	s->server->serve(s->server->obj, st, client);
	if (had > st->in.n)
		nghttp2_session_consume(s->h2, st->id, had - st->in.n);
	answer(s, st);
	return true;
}

void
h2_session_tick(struct h2_session *s, int64_t now)
{
	for (struct h2_stream *st = s->oldest; st; st = st->next) {
		if (st->until == 0 || st->until > now || st->reset)
			continue;
		if (!st->opened) {
			/* Nothing else may come of this connection. */
			st->reset = true;
			nghttp2_session_terminate_session(s->h2,
			    NGHTTP2_ENHANCE_YOUR_CALM);
		} else if (!st->finished) {
			s->server->late(s->server->obj, st);
			answer(s, st);
		} else {
			st->reset = true;
			nghttp2_submit_rst_stream(s->h2, NGHTTP2_FLAG_NONE,
			    st->id, NGHTTP2_CANCEL);
		}
	}
}

size_t
h2_session_streams(const struct h2_session *s)
{
	return s->nstreams;
}

bool
h2_session_flooded(const struct h2_session *s)
{
	return s->flooded;
}

void
h2_session_leave(struct h2_session *s, bool last)
{
	if (last)
		nghttp2_submit_goaway(s->h2, NGHTTP2_FLAG_NONE,
		    nghttp2_session_get_last_proc_stream_id(s->h2),
		    NGHTTP2_NO_ERROR, NULL, 0);
	else
		nghttp2_submit_shutdown_notice(s->h2);
}

bool
h2_session_over(const struct h2_session *s)
{
	return !nghttp2_session_want_read(s->h2) &&
	    !nghttp2_session_want_write(s->h2);
}
