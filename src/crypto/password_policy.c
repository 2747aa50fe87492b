#include "crypto/password.h"

#include <errno.h>
#include <stdio.h>

#include <sodium.h>

#include "base/limits.h"
#include "base/log.h"

#include "crypto/common.h"

#define STRONG_LENGTH 15 /* contract 3.6 */
#define WORD_MIN 4 /* a shorter user name is in too many passwords */
#define BESIDE_MAX 4 /* bytes beside a word of the context */

/* How many of lower case, upper case, digit, anything else? */
static int
classes(struct str s)
{
	bool lower = false, upper = false, digit = false, other = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= 'a' && c <= 'z')
			lower = true;
		else if (c >= 'A' && c <= 'Z')
			upper = true;
		else if (c >= '0' && c <= '9')
			digit = true;
		else
			other = true;
	}
	return lower + upper + digit + other;
}

static bool
contains_nocase(struct str s, struct str word)
{
	for (size_t i = 0; i + word.n <= s.n; i++)
		if (str_eq_nocase(str_slice(s, i, i + word.n), word))
			return true;
	return false;
}

/* Equal to word, or word with little else. */
static bool
is_mostly(struct str password, struct str word)
{
	if (str_eq_nocase(password, word))
		return word.n > 0;
	return word.n >= WORD_MIN && password.n <= word.n + BESIDE_MAX &&
	    contains_nocase(password, word);
}

/* The whole, and of an e-mail address what stands before the '@'. */
static bool
is_of_context(struct str password, const struct str *context, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str word = context[i];

		if (is_mostly(password, word) || is_mostly(password,
		    str_slice(word, 0, str_find(word, '@'))))
			return true;
	}
	return false;
}

/* The operator's list, opened at the first look. */
static bool
is_in_file(const struct config *c, struct str password)
{
	static const char *path;
	char lower[LIMIT_PASSWORD_BYTES];
	bool hit;

	if (path == NULL || strcmp(path, c->password_blocklist) != 0) {
		path = c->password_blocklist;
		if (!common_file(path))
			log_error("password.blocklist cannot be read",
			    log_c("path", path),
			    log_c("why", strerror(errno)));
	}
	if (common_in_file(password))
		return true;
	for (size_t i = 0; i < password.n; i++) {
		char ch = password.p[i];

		lower[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
	}
	hit = common_in_file((struct str){ lower, password.n });
	sodium_memzero(lower, sizeof(lower));
	return hit;
}

/* A sentence with the number in it, good until the next one. */
static const char *
with_number(const char *before, long n, const char *behind)
{
	static char text[96];

	snprintf(text, sizeof(text), "%s %ld %s", before, n, behind);
	return text;
}

const char *
password_policy(const struct config *c, struct str password,
    const struct str *context, size_t ncontext)
{
	size_t points;

	if (str_has_nul(password) || !str_utf8(password, &points))
		return "Password must be valid UTF-8 text";
	if (points < (size_t)c->password_min)
		return with_number("Password must have at least",
		    c->password_min, "characters");
	if (points > (size_t)c->password_max ||
	    password.n > LIMIT_PASSWORD_BYTES)
		return with_number("Password must have at most",
		    c->password_max, "characters");
	if (c->password_strong && points < STRONG_LENGTH &&
	    classes(password) < 3)
		return "Password must mix three of lower case, upper case, "
		    "digits and signs, or have 15 characters";
	if (common_password(password) || is_in_file(c, password))
		return "Password is one of the commonest and too easy to guess";
	if (is_of_context(password, context, ncontext))
		return "Password must not be made of the user name, the "
		    "e-mail address or the name of the service";
	return NULL;
}
