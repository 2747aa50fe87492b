#include "http/cors.h"

static bool
is_listed(struct str origin, const char *origins)
{
	static const char blank[] = ", \t\r\n";

	for (const char *p = origins ? origins : ""; *p;) {
		size_t n = strcspn(p, blank);

		if (n && str_eq(origin, (struct str){ p, n }))
			return true;
		p += n;
		p += strspn(p, blank);
	}
	return false;
}

/* Add the headers that permit the origin; false when it is not allowed. */
static bool
permit(struct response *re, const struct request *r, const char *origins)
{
	struct str origin = request_header(r, "HTTP_ORIGIN");
	bool anybody = origins && strchr(origins, '*') &&
	    is_listed(STR("*"), origins);

	if (!anybody)
		response_header(re, "Vary", STR("Origin"));
	if (request_header_count(r, "HTTP_ORIGIN") != 1 || origin.n == 0 ||
	    str_eq_nocase(origin, STR("null")))
		return false;
	if (anybody) {
		response_header(re, "Access-Control-Allow-Origin", STR("*"));
		return true;
	}
	if (!is_listed(origin, origins))
		return false;
	response_header(re, "Access-Control-Allow-Origin", origin);
	response_header(re, "Access-Control-Allow-Credentials", STR("true"));
	return true;
}

void
cors_headers(struct response *re, const struct request *r,
    const char *origins)
{
	if (permit(re, r, origins))
		response_header(re, "Access-Control-Expose-Headers",
		    STR("X-Request-Id, X-RateLimit-Limit, "
		    "X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After"));
}

bool
cors_preflight(struct response *re, const struct request *r,
    const char *origins)
{
	/* An overridden method does not make a request a preflight. */
	if (r->method != METHOD_OPTIONS ||
	    request_header(r, "HTTP_ORIGIN").p == NULL ||
	    request_header(r, "HTTP_ACCESS_CONTROL_REQUEST_METHOD").p == NULL)
		return false;
	re->status = 204;
	if (!permit(re, r, origins))
		return true;
	response_header(re, "Access-Control-Allow-Methods",
	    STR("GET, HEAD, POST, PUT, PATCH, DELETE"));
	response_header(re, "Access-Control-Allow-Headers",
	    STR("Authorization, Content-Type, X-API-Key, Idempotency-Key, "
	    "X-Request-Id, X-HTTP-Method-Override"));
	response_header(re, "Access-Control-Max-Age", STR("600"));
	return true;
}
