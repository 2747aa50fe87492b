#include "core/access/refusal.h"

#include <sodium.h>

#include "base/clock.h"
#include "core/limit.h"

#define SLOTS 256
#define EVERY (60 * CLOCK_SECOND)

bool
refusal_due(struct ctx *x, const char *why, struct str id)
{
	static uint8_t seed[crypto_shorthash_KEYBYTES];
	static int64_t until[SLOTS];
	static bool seeded;
	struct str what = arena_fmt(x->arena, "%s %.*s %.*s", why,
	    STR_FMT(id), STR_FMT(limit_network(x)));
	int64_t now = clock_mono();
	uint64_t slot;

	if (!seeded) {
		randombytes_buf(seed, sizeof(seed));
		seeded = true;
	}
	crypto_shorthash((uint8_t *)&slot, (const uint8_t *)what.p, what.n,
	    seed);
	slot %= SLOTS;
	if (until[slot] > now)
		return false;
	until[slot] = now + EVERY;
	return true;
}
