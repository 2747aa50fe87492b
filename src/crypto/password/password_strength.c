#include "crypto/password/password_strength.h"

#include <sodium.h>
#include <zxcvbn.h>

#include "base/limits.h"

static const char *const known[] = {
#define WORD(w) w,
#include "crypto/password/password_words.def"
#undef WORD
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

double
password_strength_bits(struct arena *a, struct str password,
    const struct str *words,
    size_t n)
{
	struct str rated = str_slice(password, 0, LIMIT_PASSWORD_RATED);
	const char **list = arena_array(a, n + KNOWN + 1, sizeof(*list));
	char text[LIMIT_PASSWORD_RATED + 1];
	double bits;

	for (size_t i = 0; i < n; i++)
		list[i] = arena_cstr(a, words[i]);
	memcpy(list + n, known, sizeof(known));
	list[n + KNOWN] = NULL;
	memcpy(text, rated.p, rated.n);
	text[rated.n] = '\0';
	bits = ZxcvbnMatch(text, list, NULL);
	sodium_memzero(text, sizeof(text));
	return bits;
}

bool
password_strength_documented(struct str password)
{
	static const char *const printed[] = { "NewPassword123",
		"NewPassword123!", "NewSecurePassword123", "OldPassword123!",
		"SecurePassword123!" };

	for (size_t i = 0; i < sizeof(printed) / sizeof(printed[0]); i++)
		if (str_eq(password, str_of(printed[i])))
			return true;
	return false;
}
