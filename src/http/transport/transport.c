#include "http/transport/transport.h"

#include <errno.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "http/transport/fcgi_record.h"

/* A body that drips longer than this is a stalled one. */
#define BODY_TIME (20 * CLOCK_SECOND)
#define CHUNK ((size_t)8 << 10)

struct str
transport_param(const struct exchange *x, struct str name)
{
	for (size_t i = 0; i < x->nparams; i++)
		if (str_eq(x->params[i].name, name))
			return x->params[i].value;
	return STR_NONE;
}

#define PARAMS_USUAL 32 /* more are moved to a larger list */

/*
 * The list of nearly every request. A process serves one at a time, and places
 * need not be wiped as what stands there must.
 */
static struct param usual[PARAMS_USUAL];

/* A list of parameters while it is made. */
struct listing {
	struct param *list;
	size_t room, bytes;
};

static void
grow_list(struct exchange *x, struct listing *l)
{
	size_t room = l->room ? l->room * 2 : PARAMS_USUAL;
	struct param *list = l->room == 0 ? usual :
	    arena_array(x->arena, room, sizeof(*list));

	if (x->nparams)
		memcpy(list, l->list, x->nparams * sizeof(*list));
	x->params = l->list = list;
	l->room = room;
}

/* False: no more fit. Some libraries take a client's Proxy: header for theirs. */
static bool
list_param(struct exchange *x, struct listing *l, struct param p)
{
	if (str_eq(p.name, STR("HTTP_PROXY")))
		return true;
	l->bytes += p.name.n + p.value.n + 1;
	if (x->nparams == LIMIT_PARAMS || l->bytes > LIMIT_PARAM_BYTES ||
	    p.value.n > LIMIT_HEADER) {
		x->err = E_HEADERS;
		return false;
	}
	if (x->nparams == l->room)
		grow_list(x, l);
	l->list[x->nparams++] = p;
	return true;
}

void
transport_params(struct exchange *x, char *const *env)
{
	struct listing l = { 0 };

	for (size_t i = 0; env[i]; i++) {
		struct str line = str_of(env[i]);
		size_t eq = str_find(line, '=');
		struct param p = { str_slice(line, 0, eq),
			str_slice(line, eq + 1, line.n) };

		if (eq < line.n && !list_param(x, &l, p))
			return;
	}
}

void
transport_pairs(struct exchange *x, char *pairs, size_t n)
{
	const struct str all = { pairs, n };
	struct listing l = { 0 };
	struct param p;
	char *end = NULL;
	size_t at = 0;

	while (fcgi_record_pair(all, &at, &p.name, &p.value)) {
		/* Now that the length behind a value is read, it can end. */
		if (end)
			*end = '\0';
		end = pairs + at;
		if (str_has_nul(p.value))
			x->err = E_BAD_REQUEST;
		if (!list_param(x, &l, p))
			return;
	}
	if (end)
		*end = '\0';
	if (at < n && x->err == E_OK)
		x->err = E_BAD_REQUEST;
}

/* What CONTENT_LENGTH says: *length, or -1 for "read to the end". */
static enum err
body_length(const struct exchange *x, size_t limit, long long *length)
{
	const struct param *found = NULL;

	*length = -1;
	for (size_t i = 0; i < x->nparams; i++) {
		const struct param *p = &x->params[i];

		if (!str_eq(p->name, STR("CONTENT_LENGTH")))
			continue;
		if (found)
			return E_BAD_REQUEST;
		found = p;
	}
	if (found == NULL || found->value.n == 0 ||
	    str_eq(found->value, STR("-1")))
		return E_OK;
	if (!text_digits(found->value))
		return E_BAD_REQUEST;
	/* Only digits: what does not fit is too large, not malformed. */
	if (!str_to_int(found->value, 0, (long long)limit, length))
		return E_TOO_LARGE;
	return E_OK;
}

struct body {
	char *p;
	size_t n;
	size_t room;
};

/* Room for a byte more than the limit: that byte tells excess from end. */
static void
body_grow(struct arena *a, struct body *b, size_t most)
{
	size_t room = b->room * 2 < most ? b->room * 2 : most;
	char *p = arena_alloc(a, room + 1);

	memcpy(p, b->p, b->n);
	b->p = p;
	b->room = room;
}

static enum err
body_read(struct exchange *x, struct body *b, size_t most)
{
	int64_t until = clock_mono() + BODY_TIME;
	long got;

	while (b->n < most) {
		if (b->n == b->room)
			body_grow(x->arena, b, most);
		got = x->transport->read(x->io, b->p + b->n, b->room - b->n);
		if (got == 0)
			break;
		if (got < 0)
			return errno == EAGAIN ? E_TIMEOUT : E_BAD_REQUEST;
		b->n += (size_t)got;
		if (clock_mono() > until)
			return E_TIMEOUT;
	}
	return E_OK;
}

enum err
transport_body(struct exchange *x, size_t limit, struct str *body)
{
	struct body b = { 0 };
	long long length;
	size_t most;
	enum err e;

	*body = STR("");
	if ((e = body_length(x, limit, &length)) != E_OK)
		return e;
	most = (length >= 0 ? (size_t)length : limit) + 1;
	b.room = length >= 0 || most < CHUNK ? most : CHUNK;
	b.p = arena_alloc(x->arena, b.room + 1);
	if ((e = body_read(x, &b, most)) != E_OK)
		return e;
	if (length >= 0 && b.n != (size_t)length)
		return E_BAD_REQUEST;
	if (b.n > limit)
		return E_TOO_LARGE;
	*body = (struct str){ b.p, b.n };
	return E_OK;
}

const char *
transport_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
		{ 204, "No Content" }, { 302, "Found" }, { 303, "See Other" },
		{ 304, "Not Modified" }, { 400, "Bad Request" },
		{ 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" }, { 409, "Conflict" },
		{ 410, "Gone" }, { 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" }, { 423, "Locked" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* The sum of all parts is small: LIMIT_ANSWER bounds the body elsewhere. */
static size_t
head_size(const struct header *headers, size_t nheaders)
{
	size_t n = 128; /* Status with its reason, Content-Length, the end */

	for (size_t i = 0; i < nheaders; i++)
		n += strlen(headers[i].name) + headers[i].value.n + 4;
	return n;
}

static char *
put_text(char *at, struct str s)
{
	if (s.n)
		memcpy(at, s.p, s.n);
	return at + s.n;
}

/* length of the body, or -1 where it ends with the answer. */
static void
send_head(struct exchange *x, int status, const struct header *headers,
    size_t nheaders, long long length)
{
	size_t room = head_size(headers, nheaders);
	char *head = arena_alloc(x->arena, room), *at = head;
	char number[STR_INT_ROOM];

	at = put_text(at, STR("Status: "));
	at = put_text(at, str_int(number, status));
	at = put_text(at, STR(" "));
	at = put_text(at, str_of(transport_reason(status)));
	at = put_text(at, STR("\r\n"));
	if (status != 204 && status != 304 && length >= 0) {
		at = put_text(at, STR("Content-Length: "));
		at = put_text(at, str_int(number, length));
		at = put_text(at, STR("\r\n"));
	}
	for (size_t i = 0; i < nheaders; i++) {
		at = put_text(at, str_of(headers[i].name));
		at = put_text(at, STR(": "));
		at = put_text(at, headers[i].value);
		at = put_text(at, STR("\r\n"));
	}
	at = put_text(at, STR("\r\n"));
	x->transport->write(x->io,
	    (struct str){ head, (size_t)(at - head) });
	x->answered = true;
}

static bool
wants_body(const struct exchange *x)
{
	return !str_eq(transport_param(x, STR("REQUEST_METHOD")),
	    STR("HEAD"));
}

void
transport_answer(struct exchange *x, int status,
    const struct header *headers, size_t nheaders, struct str body)
{
	send_head(x, status, headers, nheaders, (long long)body.n);
	if (wants_body(x))
		x->transport->write(x->io, body);
}

/* Nobody may take an answer of ours to something else for a permission. */
static void
refuse_role(struct exchange *x)
{
	static const struct header plain = { "Content-Type",
		{ "text/plain", 10 } };

	transport_answer(x, 403, &plain, 1,
	    STR("This service takes the Responder role only.\n"));
}

void
transport_serve(struct exchange *x, bool responder,
    transport_handler *handler, void *obj)
{
	if (responder)
		handler(obj, x);
	else
		refuse_role(x);
	if (x->answered)
		return;
	log_error("request without an answer");
	transport_answer(x, 500, NULL, 0, STR(""));
}

void
transport_stream(struct exchange *x, int status,
    const struct header *headers, size_t nheaders, struct str first,
    response_piece *piece, void *obj)
{
	struct str next = first;
	enum err e = E_OK;

	send_head(x, status, headers, nheaders, -1);
	while (wants_body(x) && next.n && !x->transport->gone(x->io)) {
		x->transport->write(x->io, next);
		e = piece(obj, &next);
		if (e != E_OK) {
			x->transport->give_up(x->io);
			return;
		}
	}
}
