#include "http/response.h"

#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "http/dialect.h"

/* nginx answers 502 above one page of headers (ecosystem, rule 9). */
#define HEADER_BYTES 4000

#define ENVELOPE 255 /* bytes around the data of most answers */

/* The share of both limits that is kept for headers of response_render. */
#define OWN_BYTES 1000
#define OWN_HEADERS 12

/* Most hold no control character at all, which is seen in one pass. */
static bool
is_header_text(struct str s)
{
	return str_json_plain(s) == s.n || (str_find(s, '\r') == s.n &&
	    str_find(s, '\n') == s.n && !str_has_nul(s));
}

static void
add_header(struct response *re, const char *name, struct str value,
    size_t headers, size_t bytes)
{
	size_t n = strlen(name) + value.n + 4; /* ": " and the line's end */

	if (value.p == NULL)
		return;
	if (re->nheaders >= headers || value.n > bytes ||
	    re->header_bytes + n > bytes) {
		log_warn("header dropped: too many", log_c("name", name));
		return;
	}
	re->headers[re->nheaders].name = name;
	re->headers[re->nheaders++].value = value;
	re->header_bytes += n;
}

void
response_header(struct response *re, const char *name, struct str value)
{
	if (value.p == NULL || !is_header_text(value)) {
		log_warn("header dropped: not one line", log_c("name", name));
		return;
	}
	add_header(re, name, value, RESPONSE_HEADERS - OWN_HEADERS,
	    HEADER_BYTES - OWN_BYTES);
}

void
response_error(struct response *re, enum err e, const char *sentence)
{
	re->err = e;
	re->status = err_status(e);
	re->message = sentence ? sentence : err_sentence(e);
	re->data = NULL;
	re->printed = STR_NONE;
	re->page = NULL;
	re->bare = false;
	re->raw = STR_NONE;
	re->more = NULL;
}

void
response_field_error(struct response *re, const char *field,
    const char *message)
{
	cJSON *o = json_object();

	json_add_str(o, "field", str_of(field));
	json_add_str(o, "message", str_of(message));
	if (re->errors == NULL)
		re->errors = json_array();
	json_push(re->errors, o);
}

static bool
same_name(const char *a, const char *b)
{
	return text_lower(*a) == text_lower(*b) && strcasecmp(a, b) == 0;
}

/* No two defaults have one name; their values are ours, and one line. */
static void
header_default(struct response *re, const char *name, struct str value)
{
	for (size_t i = 0; i < re->given; i++)
		if (same_name(re->headers[i].name, name))
			return;
	add_header(re, name, value, RESPONSE_HEADERS, HEADER_BYTES);
}

/* RFC 6750, 3: no error attribute where no token was presented. */
static void
add_challenge(struct response *re)
{
	struct str value = STR("Bearer realm=\"api\"");

	if (re->err == E_TOKEN_INVALID)
		value = STR("Bearer realm=\"api\", error=\"invalid_token\"");
	if (re->err == E_SCOPE)
		value = STR("Bearer realm=\"api\", "
		    "error=\"insufficient_scope\"");
	header_default(re, "WWW-Authenticate", value);
}

/* Add the headers that a status demands, unless they are set already. */
static void
status_headers(struct response *re)
{
	switch (re->status) {
	case 401:
		add_challenge(re);
		break;
	case 403:
		if (re->err == E_SCOPE)
			add_challenge(re);
		break;
	case 405:
		header_default(re, "Allow",
		    STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
		break;
	case 429:
		header_default(re, "Retry-After", STR("60"));
		break;
	case 503:
		header_default(re, "Retry-After", STR("2"));
		break;
	default:
		break;
	}
}

/* Row HT3. A page that loads anything sets a Content-Security-Policy itself. */
static void
safety_headers(struct response *re, const struct request *r)
{
	header_default(re, "X-Request-Id", r->id);
	header_default(re, "Cache-Control", STR("no-store"));
	header_default(re, "X-Content-Type-Options", STR("nosniff"));
	header_default(re, "Referrer-Policy", STR("no-referrer"));
	header_default(re, "Content-Security-Policy",
	    STR("default-src 'none'; frame-ancestors 'none'"));
	header_default(re, "Cross-Origin-Opener-Policy", STR("same-origin"));
	header_default(re, "Cross-Origin-Resource-Policy",
	    STR("same-origin"));
	if (str_eq_nocase(request_param(r, "HTTPS"), STR("on")))
		header_default(re, "Strict-Transport-Security",
		    STR("max-age=31536000"));
}

static void
write_member(struct buf *b, const char *key, const char *text)
{
	buf_byte(b, ',');
	json_write_str(b, str_of(key));
	buf_byte(b, ':');
	json_write_str(b, str_of(text ? text : ""));
}

static void
write_meta(struct buf *b, const struct request *r)
{
	char room[CLOCK_TEXT_ROOM];

	buf_add(b, STR(",\"meta\":{\"timestamp\":\""));
	buf_add(b, clock_text(room, clock_wall(), 3));
	buf_add(b, STR("\",\"version\":\"v1\",\"requestId\":"));
	json_write_str(b, r->id);
	buf_byte(b, '}');
}

static void
write_page(struct buf *b, const struct page *page)
{
	long long pages = page->limit > 0 ?
	    page->total / page->limit + (page->total % page->limit != 0) : 0;

	buf_fmt(b, ",\"pagination\":{\"page\":%ld,\"limit\":%ld,"
	    "\"total\":%lld,\"totalPages\":%lld}", page->page, page->limit,
	    page->total, pages);
}

static void
write_success(struct buf *b, const struct response *re,
    const struct request *r)
{
	buf_reserve(b, re->printed.n + ENVELOPE);
	buf_add(b, STR("{\"success\":true"));
	write_member(b, "message", re->message);
	if (re->printed.n)
		buf_add(b, re->printed);
	else
		dialect_write_data(b, r->dialect, re->data);
	write_meta(b, r);
	if (re->page)
		write_page(b, re->page);
	buf_byte(b, '}');
}

static void
write_error(struct buf *b, const struct response *re,
    const struct request *r)
{
	buf_add(b, STR("{\"success\":false"));
	write_member(b, "error", err_text(re->err));
	write_member(b, "message", re->message);
	write_member(b, "code", err_code(re->err));
	if (re->errors) {
		buf_add(b, STR(",\"errors\":"));
		json_write(b, re->errors);
	}
	write_meta(b, r);
	buf_byte(b, '}');
}

static bool
has_no_body(const struct response *re)
{
	return re->status == 204 || re->status == 304;
}

struct str
response_render(struct response *re, const struct request *r)
{
	struct buf b = buf_new(r->arena, LIMIT_ANSWER);

	if (re->status == 0)
		re->status = 200;
	re->given = re->nheaders;
	status_headers(re);
	safety_headers(re, r);
	if (has_no_body(re))
		return STR("");
	header_default(re, "Content-Type", str_of(re->raw.p ?
	    re->content_type : "application/json"));
	if (re->raw.p)
		return re->raw;
	if (re->bare)
		json_write(&b, re->data);
	else if (re->err != E_OK)
		write_error(&b, re, r);
	else
		write_success(&b, re, r);
	if (!b.full)
		return buf_str(&b);
	log_error("answer above its limit");
	response_error(re, E_INTERNAL, NULL);
	re->errors = NULL;
	return response_render(re, r);
}
