#include "crypto/audit_chain.h"

#include <sodium.h>

static void
compute(const uint8_t key[32], struct str before, uint64_t seq,
    struct str text, uint8_t out[32])
{
	crypto_auth_hmacsha256_state s;
	uint8_t number[8];

	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(seq >> (56 - 8 * i));
	crypto_auth_hmacsha256_init(&s, key, 32);
	crypto_auth_hmacsha256_update(&s, (const uint8_t *)before.p,
	    before.n);
	crypto_auth_hmacsha256_update(&s, number, sizeof(number));
	crypto_auth_hmacsha256_update(&s, (const uint8_t *)text.p, text.n);
	crypto_auth_hmacsha256_final(&s, out);
	sodium_memzero(&s, sizeof(s));
}

static const char *const labels[] = { [AUDIT_CHAIN_LINK] = "audit",
	[AUDIT_CHAIN_MARK] = "audit mark", [AUDIT_CHAIN_BASE] = "audit base" };

void
audit_chain_make(const struct keyring *k, enum audit_chain_use use,
    struct str before,
    uint64_t seq, struct str text, uint8_t mac[AUDIT_CHAIN_MAC])
{
	uint8_t key[32] = { 0 };

	mac[0] = keyring_current(k);
	(void)keyring_derive(k, mac[0], labels[use], key);
	compute(key, before, seq, text, mac + 1);
	sodium_memzero(key, sizeof(key));
}

bool
audit_chain_holds(const struct keyring *k, enum audit_chain_use use,
    struct str before,
    uint64_t seq, struct str text, struct str mac)
{
	uint8_t key[32], want[32];
	bool good = false;

	if (mac.n != AUDIT_CHAIN_MAC)
		return false;
	for (int nth = 0; !good && keyring_derive_nth(k, (uint8_t)mac.p[0],
	    nth, labels[use], key); nth++) {
		compute(key, before, seq, text, want);
		good = sodium_memcmp(want, mac.p + 1, 32) == 0;
	}
	sodium_memzero(key, sizeof(key));
	return good;
}
