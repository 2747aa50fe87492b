#include "store/redis/cache_private.h"

static const char limit_lua[] =
#include "store/redis/limit_lua.h"
;
static const char limit_sha[] =
#include "store/redis/limit_sha.h"
;
static const char news_lua[] =
#include "store/redis/news_lua.h"
;
static const char news_sha[] =
#include "store/redis/news_sha.h"
;
static const char settle_lua[] =
#include "store/redis/settle_lua.h"
;
static const char settle_sha[] =
#include "store/redis/settle_sha.h"
;

/*
 * Redis names scripts by SHA-1; it protects nothing here. The name is made
 * with the program: a CGI process would start OpenSSL for nothing else.
 */
static const struct {
	struct str source, sha;
} script[SCRIPT_COUNT] = {
	[SCRIPT_LIMIT] = { { limit_lua, sizeof limit_lua - 1 },
	    { limit_sha, sizeof limit_sha - 1 } },
	[SCRIPT_NEWS] = { { news_lua, sizeof news_lua - 1 },
	    { news_sha, sizeof news_sha - 1 } },
	[SCRIPT_SETTLE] = { { settle_lua, sizeof settle_lua - 1 },
	    { settle_sha, sizeof settle_sha - 1 } },
};

struct str
cache_script_sha(enum cache_script s)
{
	return script[s].sha;
}

struct str
cache_script_source(struct str sha)
{
	for (int s = 0; s < SCRIPT_COUNT; s++)
		if (str_eq(sha, script[s].sha))
			return script[s].source;
	return STR_NONE;
}
