#include "http/request.h"

#include "base/limits.h"
#include "http/cookie.h"

/* Names of one length mostly differ at their ends. */
static bool
is_named(const struct param *p, struct str name)
{
	return p->name.n == name.n && name.n > 0 &&
	    p->name.p[name.n - 1] == name.p[name.n - 1] &&
	    memcmp(p->name.p, name.p, name.n) == 0;
}

struct str
request_find(const struct request *r, struct str name)
{
	for (size_t i = 0; i < r->nparams; i++)
		if (is_named(&r->params[i], name))
			return r->params[i].value;
	return STR_NONE;
}

size_t
request_count(const struct request *r, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nparams; i++)
		n += is_named(&r->params[i], name);
	return n;
}

struct str
request_cookie(const struct request *r, const char *name)
{
	struct str value = STR_NONE;
	size_t count = 0;

	for (size_t i = 0; i < r->nparams; i++)
		if (str_eq(r->params[i].name, STR("HTTP_COOKIE")))
			cookie_find(r->params[i].value, str_of(name), &count,
			    &value);
	return count == 1 ? value : STR_NONE;
}

struct str
request_query(const struct request *r, const char *name)
{
	struct str want = str_of(name);

	for (size_t i = 0; i < r->npairs; i++)
		if (str_eq(r->pairs[i].name, want))
			return r->pairs[i].value;
	return STR_NONE;
}

/* Is it application/json, with no parameter but charset=utf-8? */
static bool
is_json_type(struct str s)
{
	size_t at = str_find(s, ';');
	struct str rest = str_trim(str_slice(s, at + 1, s.n));

	return str_eq_nocase(str_trim(str_slice(s, 0, at)),
	    STR("application/json")) &&
	    (rest.n == 0 || str_eq_nocase(rest, STR("charset=utf-8")) ||
	    str_eq_nocase(rest, STR("charset=\"utf-8\"")));
}

/* Is the body in gzip, deflate …? "identity" means that it is not. */
static bool
is_encoded(const struct request *r)
{
	struct str s = str_trim(request_header(r, "HTTP_CONTENT_ENCODING"));

	return s.n && !str_eq_nocase(s, STR("identity"));
}

enum err
request_read_json(struct request *r, const char **why)
{
	struct str text = r->body;
	enum err e;

	*why = NULL;
	r->json = NULL;
	if (r->body.n == 0)
		return E_OK;
	if (is_encoded(r)) {
		*why = "The request body must not be compressed";
		return E_MEDIA_TYPE;
	}
	if (!is_json_type(request_param(r, "CONTENT_TYPE")))
		return E_MEDIA_TYPE;
	if (r->body.n > LIMIT_BODY_JSON)
		return E_TOO_LARGE;
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_slice(text, 3, text.n);
	e = json_parse(r->arena, text, LIMIT_JSON_DEPTH, &r->json, why);
	if (e == E_OK && !cJSON_IsObject(r->json)) {
		r->json = NULL;
		*why = "the body must be an object";
		return E_BAD_JSON;
	}
	return e;
}
