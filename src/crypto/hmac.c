#include "crypto/hmac.h"

#include <sodium.h>

struct str
hmac_sha256(struct arena *a, struct str key, struct str text)
{
	unsigned char *mac = arena_alloc(a, crypto_auth_hmacsha256_BYTES);
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, (const unsigned char *)key.p, key.n);
	crypto_auth_hmacsha256_update(&st, (const unsigned char *)text.p,
	    text.n);
	crypto_auth_hmacsha256_final(&st, mac);
	sodium_memzero(&st, sizeof(st));
	return (struct str){ (const char *)mac, crypto_auth_hmacsha256_BYTES };
}
