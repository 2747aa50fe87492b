#include "crypto/seal.h"

#include <stdlib.h>

#include <sodium.h>

#include "base/log.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD (1 + NONCE)

struct str
seal(struct arena *a, const struct keyring *k, struct str bound,
    struct str plain)
{
	uint8_t key[32], version = keyring_current(k);
	unsigned long long n;
	unsigned char *p;
	size_t room;

	if (!keyring_derive(k, version, "seal", key) ||
	    __builtin_add_overflow(plain.n, (size_t)HEAD + TAG, &room))
		abort(); /* the current version always has a key */
	p = arena_alloc(a, room);
	p[0] = version;
	randombytes_buf(p + 1, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(p + HEAD, &n,
	    (const unsigned char *)plain.p, plain.n,
	    (const unsigned char *)bound.p, bound.n, NULL, p + 1, key);
	sodium_memzero(key, sizeof(key));
	return (struct str){ (char *)p, HEAD + (size_t)n };
}

static bool
open_with(const uint8_t key[32], struct str bound, struct str sealed,
    unsigned char *out)
{
	const unsigned char *p = (const unsigned char *)sealed.p;

	return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
	    p + HEAD, sealed.n - HEAD, (const unsigned char *)bound.p,
	    bound.n, p + 1, key) == 0;
}

enum err
unseal(struct arena *a, const struct keyring *k, struct str bound,
    struct str sealed, struct str *plain)
{
	unsigned char *p;
	uint8_t key[32], version;
	bool ok = false;

	if (sealed.n < HEAD + TAG) {
		log_error("unseal failed", log_c("why", "too short"));
		return E_INTERNAL;
	}
	version = (uint8_t)sealed.p[0];
	p = arena_alloc(a, sealed.n - HEAD - TAG + 1);
	for (int i = 0; !ok && keyring_derive_nth(k, version, i, "seal", key);
	    i++)
		ok = open_with(key, bound, sealed, p);
	sodium_memzero(key, sizeof(key));
	if (!ok) {
		log_error("unseal failed", log_c("why", "key or binding"),
		    log_i("version", version));
		return E_INTERNAL;
	}
	*plain = (struct str){ (char *)p, sealed.n - HEAD - TAG };
	return E_OK;
}
