/* fuzz-sources: src/crypto/token.c src/crypto/keyring.c src/crypto/hkdf.c src/crypto/seal.c src/base/arena.c src/base/memory.c src/base/buf.c src/base/str.c src/base/clock.c src/base/encoding.c src/base/log.c src/base/pid.c */
/* fuzz-libs: libsodium */
/*
 * Derived tokens, API keys and sealed bytes (rows RT3, AK1, CC6). Nothing that
 * was not made here opens, and what opens is spelled as we would spell it.
 */
#include <stdlib.h>

#include "crypto/seal.h"
#include "crypto/token.h"

static struct keyring *
ring(void)
{
	static const struct config c = { .sealing_keys = "",
		.jwt_secret = "a secret of more than 32 bytes for this",
		.jwt_previous_secrets = "" };
	const char *why;

	return keyring_new(&c, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena *a;
	static struct keyring *k;
	struct str in = { (const char *)data, n }, out;
	struct uuid id;
	uint32_t generation;

	if (a == NULL) {
		a = arena_new(1 << 20);
		k = ring();
	}
	for (int p = 0; p < TOKEN_PURPOSES; p++)
		if (token_open(a, k, (enum token_purpose)p, in, &id,
		    &generation) && !str_eq(in, token_make(a, k,
		    (enum token_purpose)p, id, generation)))
			abort();
	if (token_api_key_check("hr_", in, &out) &&
	    (out.n != 12 || in.n < 24))
		abort();
	if (n > 0 && unseal(a, k, STR("row"), in, &out) == E_OK)
		abort();
	arena_reset(a);
	return 0;
}
