#include "http/request_make.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "base/text.h"
#include "http/client.h"
#include "http/path.h"
#include "http/query.h"

#define REQUEST_ID_MAX 64

static enum method
method_of_word(struct str s)
{
	static const struct { const char *word; enum method method; } all[] = {
		{ "GET", METHOD_GET }, { "HEAD", METHOD_HEAD },
		{ "POST", METHOD_POST }, { "PUT", METHOD_PUT },
		{ "PATCH", METHOD_PATCH }, { "DELETE", METHOD_DELETE },
		{ "OPTIONS", METHOD_OPTIONS }
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (str_eq(s, str_of(all[i].word)))
			return all[i].method;
	return METHOD_OTHER;
}

static enum err
read_method(struct request *r)
{
	static const char override[] = "HTTP_X_HTTP_METHOD_OVERRIDE";
	size_t n = request_header_count(r, override);
	enum method m;

	r->method = method_of_word(request_param(r, "REQUEST_METHOD"));
	if (r->method != METHOD_POST || n == 0)
		return E_OK;
	if (n > 1)
		return E_BAD_REQUEST;
	m = method_of_word(str_trim(request_header(r, override)));
	if (m != METHOD_PUT && m != METHOD_PATCH && m != METHOD_DELETE)
		return E_METHOD;
	r->method = m;
	return E_OK;
}

static bool
is_id(struct str s)
{
	return s.n >= 1 && s.n <= REQUEST_ID_MAX && text_only(s, "._-");
}

static struct str
read_id(const struct request *r)
{
	struct str s = request_header(r, "HTTP_X_REQUEST_ID");

	return is_id(s) ? s : uuid_text(r->arena, uuid_v7());
}

/* The user agent is stored and logged, so it must be text. */
static struct str
read_user_agent(const struct request *r)
{
	struct str s = request_header(r, "HTTP_USER_AGENT");
	struct str cut = str_slice(s, 0, LIMIT_USER_AGENT);
	bool text = str_utf8(s, NULL);
	char *p;

	/* Do not cut in the middle of a character. */
	while (text && cut.n && !str_utf8(cut, NULL))
		cut.n--;
	p = arena_alloc(r->arena, cut.n + 1);
	for (size_t i = 0; i < cut.n; i++) {
		unsigned char c = (unsigned char)cut.p[i];
		bool odd = c < 0x20 || c == 0x7f || (c > 0x7f && !text);

		p[i] = odd ? '?' : cut.p[i];
	}
	return (struct str){ p, cut.n };
}

static enum err
read_target(struct request *r, const char *base_path)
{
	struct str uri = request_param(r, "REQUEST_URI"), path;
	size_t at = str_find(uri, '?');
	enum err e;

	r->path = STR("/");
	r->dialect = DIALECT_V1;
	e = path_canonical(r->arena, uri, &path);
	if (e != E_OK)
		return e;
	e = path_mount(path, str_of(base_path),
	    request_param(r, "SCRIPT_NAME"), &r->dialect, &r->path);
	if (e != E_OK)
		return e;
	r->query = str_slice(uri, at + 1, uri.n);
	return query_parse(r->arena, r->query, &r->pairs, &r->npairs);
}

enum err
request_target(struct request *r, const char *base_path)
{
	enum err method = read_method(r), target = read_target(r, base_path);

	return target != E_OK ? target : method;
}

enum err
request_make(struct request *r, const char *base_path, const char *trusted)
{
	if (r->started == 0)
		r->started = clock_mono();
	r->id = read_id(r);
	r->client = client_address(r, trusted, &r->hidden);
	r->user_agent = read_user_agent(r);
	return request_target(r, base_path);
}
