#include <openssl/evp.h>

#include "store/cache_link.h"

static const char limit_lua[] =
#include "store/limit_lua.h"
;

static const struct str source[SCRIPT_COUNT] = {
	[SCRIPT_LIMIT] = { limit_lua, sizeof limit_lua - 1 },
};

#define SHA_HEX 40

/* Redis names scripts by SHA-1; it protects nothing here. */
struct str
cache_script_sha(enum cache_script s)
{
	static char name[SCRIPT_COUNT][SHA_HEX + 1];
	unsigned char h[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	const char digit[] = "0123456789abcdef";

	if (!name[s][0] && EVP_Digest(source[s].p, source[s].n, h, &n,
	    EVP_sha1(), NULL))
		for (unsigned int i = 0; i < n; i++) {
			name[s][2 * i] = digit[h[i] >> 4];
			name[s][2 * i + 1] = digit[h[i] & 15];
		}
	return (struct str){ name[s], SHA_HEX };
}

struct str
cache_script_source(struct str sha)
{
	for (int s = 0; s < SCRIPT_COUNT; s++)
		if (str_eq(sha, cache_script_sha((enum cache_script)s)))
			return source[s];
	return STR_NONE;
}
