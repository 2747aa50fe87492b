/*
 * fuzz-sources: src/crypto/password/phc.c src/crypto/password/phc_cost.c
 * src/crypto/password/phc_crypt.c src/base/arena.c src/base/memory.c src/base/buf.c
 * src/base/str.c src/base/clock.c src/base/encoding.c src/base/log.c src/base/pid.c
 */
/* fuzz-libs: libsodium */
/*
 * Stored password strings (rows PW11, CC6): reading them does no work, and
 * what is called affordable is.
 */
#include <stdlib.h>

#include "crypto/password/phc.h"

static void
check_work(const struct phc *p)
{
	switch (p->kind) {
	case PHC_ARGON2ID:
	case PHC_ARGON2I:
		if (p->memory_kib > 128 << 10 || p->salt.n < 8 ||
		    p->memory_kib * p->rounds > 512 << 10 ||
		    p->hash.n < 16)
			abort();
		break;
	case PHC_BCRYPT:
		if (p->rounds > 14)
			abort();
		break;
	case PHC_SCRYPT:
	case PHC_SCRYPT_CRYPT:
		if (p->rounds > 20 || p->r < 1 || p->p < 1 ||
		    ((uint64_t)p->r << p->rounds) > 1 << 20 ||
		    ((uint64_t)p->r * p->p << p->rounds) > 1 << 21)
			abort();
		break;
	default:
		if (p->rounds < 1 || p->rounds > 2000000)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena *a;
	const struct phc_caps caps = { 0, 0, 128u << 10 };
	struct phc phc;
	bool known;

	if (a == NULL)
		a = arena_new(1 << 20);
	known = phc_parse(a, (struct str){ (const char *)data, n }, &phc);
	if (known != (phc.kind != PHC_UNKNOWN))
		abort();
	if (known && (strlen(phc.text) != n || n > PHC_MAX))
		abort();
	if (phc_affordable(&phc, &caps)) {
		if (!known)
			abort();
		check_work(&phc);
	}
	arena_reset(a);
	return 0;
}
