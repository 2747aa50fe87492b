#include "crypto/hkdf.h"

#include <stdlib.h>

#include <sodium.h>

#define BLOCK crypto_auth_hmacsha256_BYTES

static void
mac_add(crypto_auth_hmacsha256_state *st, struct str s)
{
	crypto_auth_hmacsha256_update(st, (const unsigned char *)s.p, s.n);
}

static void
mac_begin(crypto_auth_hmacsha256_state *st, struct str key)
{
	crypto_auth_hmacsha256_init(st, (const unsigned char *)key.p, key.n);
}

void
hkdf_sha256(struct str key, struct str salt, struct str info, uint8_t *out,
    size_t n)
{
	crypto_auth_hmacsha256_state st;
	unsigned char prk[BLOCK], block[BLOCK];
	uint8_t count = 0;
	size_t done, step;

	if (n > HKDF_MAX)
		abort();
	mac_begin(&st, salt);
	mac_add(&st, key);
	crypto_auth_hmacsha256_final(&st, prk);
	for (done = 0; done < n; done += step) {
		mac_begin(&st, (struct str){ (char *)prk, sizeof(prk) });
		if (count++ > 0)
			crypto_auth_hmacsha256_update(&st, block, BLOCK);
		mac_add(&st, info);
		crypto_auth_hmacsha256_update(&st, &count, 1);
		crypto_auth_hmacsha256_final(&st, block);
		step = n - done < BLOCK ? n - done : BLOCK;
		memcpy(out + done, block, step);
	}
	sodium_memzero(&st, sizeof(st));
	sodium_memzero(prk, sizeof(prk));
	sodium_memzero(block, sizeof(block));
}
