#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json/json.h"

/*
 * One request as the program sees it, whichever web server and transport
 * brought it. Everything lives in the request's arena.
 */
enum method {
	METHOD_GET = 1, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_PATCH,
	METHOD_DELETE, METHOD_OPTIONS, METHOD_OTHER
};

/* Which mount was used; http/dialect.c makes the difference. */
enum dialect { DIALECT_V1, DIALECT_API, DIALECT_ROOT };

struct param {
	struct str name; /* as the web server sent it: REMOTE_ADDR, HTTP_… */
	struct str value;
};

struct request {
	struct arena *arena;
	const struct param *params; /* a list: duplicates are kept (rule 6) */
	size_t nparams;
	enum method method; /* after X-HTTP-Method-Override */
	struct str path;    /* canonical, below the mount: "/auth/login" */
	enum dialect dialect;
	struct str query;   /* raw */
	const struct param *pairs; /* of the query, decoded */
	size_t npairs;
	struct str body;
	struct str id;      /* request id, ours or a well-formed X-Request-Id */
	struct str client;  /* the client's address as text, see client.h */
	bool hidden;	    /* client is a proxy on this host, see client.h */
	struct str user_agent; /* UTF-8, cut to LIMIT_USER_AGENT */
	int64_t started;    /* clock_mono */
	cJSON *json;        /* parsed body object, or NULL */
};

/*
 * Value of a parameter by its CGI name: the first when there are several,
 * which request_header_count tells. STR_NONE when absent.
 */
struct str request_find(const struct request *r, struct str name);
size_t request_count(const struct request *r, struct str name);

/* The same for a constant name, whose length the compiler knows. */
static inline struct str
request_param(const struct request *r, const char *name)
{
	return request_find(r, str_of(name));
}

/* Header by its CGI name, "HTTP_AUTHORIZATION"; how many there are. */
static inline struct str
request_header(const struct request *r, const char *cgi_name)
{
	return request_find(r, str_of(cgi_name));
}

static inline size_t
request_header_count(const struct request *r, const char *cgi_name)
{
	return request_count(r, str_of(cgi_name));
}

/*
 * Cookie over all HTTP_COOKIE parameters, split on ';' and ','. STR_NONE
 * when absent, and when it occurs twice: the second may be planted.
 */
struct str request_cookie(const struct request *r, const char *name);

/*
 * Query value, percent-decoded. Duplicate names are refused when the request
 * is made, so there is at most one. STR_NONE when absent.
 */
struct str request_query(const struct request *r, const char *name);

/*
 * Parse the body, if there is one, into r->json. E_MEDIA_TYPE unless
 * Content-Type is application/json (row HT1; charset=utf-8 allowed), and with
 * *why when the body is compressed; E_TOO_LARGE above LIMIT_BODY_JSON;
 * E_BAD_JSON with *why, also when the value is no object. A byte order mark
 * before the text is skipped (RFC 8259, 8.1).
 */
enum err request_read_json(struct request *r, const char **why);

#endif
