#include "core/access/refusal.h"

#include <sodium.h>

#include "base/clock.h"
#include "core/limit.h"

#define SLOTS 256
#define EVERY (60 * CLOCK_SECOND)

struct refusal {
	uint64_t what;
	int64_t until; /* monotonic µs; 0: none */
};

bool
refusal_due(struct ctx *x, const char *why, struct str id)
{
	static uint8_t seed[crypto_shorthash_KEYBYTES];
	static struct refusal slots[SLOTS];
	static bool seeded;
	struct str what = arena_fmt(x->arena, "%s %.*s %.*s", why,
	    STR_FMT(id), STR_FMT(limit_network(x)));
	int64_t now = clock_mono();
	struct refusal *slot;
	uint64_t hash;

	if (!seeded) {
		randombytes_buf(seed, sizeof(seed));
		seeded = true;
	}
	crypto_shorthash((uint8_t *)&hash, (const uint8_t *)what.p, what.n,
	    seed);
	slot = &slots[hash % SLOTS];
	if (slot->what == hash && slot->until > now)
		return false;
	/* Another one is forgotten: told twice is better than never. */
	slot->what = hash;
	slot->until = now + EVERY;
	return true;
}
