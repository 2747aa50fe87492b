#include "store/redis/cache.h"

#include <sodium.h>

#include "crypto/hkdf.h"
#include "store/redis/cache_private.h"

/*
 * The name of the instance and the key that proves its entries, derived from
 * its keys and its name: two brands are two instances, whatever they share.
 */
static void
identify(struct cache_instance *i, const struct config *c,
    const struct keyring *k)
{
	uint8_t secret[32], id[8];
	struct str key = { (const char *)secret, sizeof(secret) };

	if (!k || !keyring_derive(k, keyring_current(k), "cache", secret))
		randombytes_buf(secret, sizeof(secret)); /* believes nothing */
	hkdf_sha256(key, STR("entry"), str_of(c->name), i->key,
	    sizeof(i->key));
	hkdf_sha256(key, STR("name"), str_of(c->name), id, sizeof(id));
	sodium_bin2hex(i->id, sizeof(i->id), id, sizeof(id));
	sodium_memzero(secret, sizeof(secret));
}

struct cache *
cache_of(const struct config *c, const struct keyring *k,
    _Atomic int64_t *told)
{
	struct cache_instance i;
	struct cache_options o = {
		.host = c->redis_host,
		.port = (int)c->redis_port,
		.password = c->redis_password,
		.db = (int)c->redis_db,
		.tls = c->redis_tls,
		.timeout = c->redis_timeout,
		.prefix = c->redis_prefix,
		.instance = &i,
		.told = told,
	};
	struct cache *cache;

	identify(&i, c, k);
	cache = cache_new(&o);
	sodium_memzero(&i, sizeof(i));
	return cache;
}

struct str
cache_name(const struct cache *c, struct arena *a, const char *kind,
    struct str id)
{
	return ARENA_JOIN(a, str_of(c->prefix), str_of(kind), id);
}

struct str
cache_name_here(const struct cache *c, struct arena *a, const char *kind,
    struct str id)
{
	return ARENA_JOIN(a, str_of(c->prefix), str_of(kind),
	    str_of(c->instance.id), STR("-"), id);
}

void
cache_mac(const struct cache *c, const struct str *parts, size_t n,
    uint8_t out[CACHE_MAC])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, c->instance.key, sizeof(c->instance.key),
	    CACHE_MAC);
	for (size_t i = 0; i < n; i++)
		crypto_generichash_update(&st,
		    (const unsigned char *)parts[i].p, parts[i].n);
	crypto_generichash_final(&st, out, CACHE_MAC);
	sodium_memzero(&st, sizeof(st));
}
