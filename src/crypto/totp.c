#include "crypto/totp.h"

#include <stdlib.h>

#include <liboath/oath.h>
#include <sodium.h>

#include "base/memory.h"
#include "base/text.h"

#define PERIOD 30

struct str
totp_secret(struct arena *a)
{
	char *p = arena_alloc(a, TOTP_SECRET);

	randombytes_buf(p, TOTP_SECRET);
	return (struct str){ p, TOTP_SECRET };
}

struct str
totp_base32(struct arena *a, struct str secret)
{
	struct str out;
	char *text = NULL;
	size_t n = 0;

	if (oath_base32_encode(secret.p, secret.n, &text, &n) != OATH_OK)
		memory_exhausted("secret", secret.n);
	while (n && text[n - 1] == '=')
		n--;
	out = arena_str(a, (struct str){ text, n });
	sodium_memzero(text, n);
	free(text);
	return out;
}

int64_t
totp_step(int64_t seconds)
{
	return seconds / PERIOD;
}

static bool
is_code(struct str code)
{
	return code.n == TOTP_DIGITS && text_digits(code);
}

bool
totp_match(struct str secret, struct str code, int64_t seconds,
    int64_t *step)
{
	char want[TOTP_DIGITS + 1];
	int64_t now = totp_step(seconds), hit = 0;
	bool found = false;

	if (!is_code(code) || secret.n == 0)
		return false;
	for (int64_t s = now - 1; s <= now + 1; s++) {
		bool same = oath_totp_generate(secret.p, secret.n,
		    (time_t)(s * PERIOD), PERIOD, 0, TOTP_DIGITS, want) ==
		    OATH_OK && sodium_memcmp(want, code.p, TOTP_DIGITS) == 0;

		hit = same ? s : hit;
		found |= same;
	}
	sodium_memzero(want, sizeof(want));
	*step = hit;
	return found;
}
