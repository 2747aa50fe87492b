#include "base/text.h"
#include "crypto/password/password.h"

#include <errno.h>
#include <stdio.h>

#include <sodium.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/unicode.h"

#include "crypto/password/password_strength.h"

#define STRONG_LENGTH 15 /* row PW1 */
#define WORD_MIN 4 /* a shorter user name is in too many passwords */
#define FORMS_ARENA ((size_t)64 << 10)
#define BESIDE_MAX 4 /* bytes beside a word of the context */
#define CONTEXT_WORDS 32
#define DOCUMENTED_BITS 26 /* above it, no documented sample is taken */

/* How many kinds are in s: lower case, upper case, digit, anything else? */
static int
classes(struct str s)
{
	bool lower = false, upper = false, digit = false, other = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (text_is_lower(c))
			lower = true;
		else if (text_is_upper(c))
			upper = true;
		else if (text_is_digit(c))
			digit = true;
		else
			other = true;
	}
	return lower + upper + digit + other;
}

/* Signs between the parts of a name are ignored in password and word. */
static bool
is_joint(char c)
{
	return c == '.' || c == '_' || c == '-' || c == '+' || c == ' ';
}

/* How many bytes of s from at on spell word, forwards or back; 0: none. */
static size_t
spells(struct str s, size_t at, struct str word, bool back)
{
	size_t i = 0, j = at;

	while (i < word.n) {
		char c = word.p[back ? word.n - 1 - i : i];

		if (is_joint(c)) {
			i++;
		} else if (j > at && j < s.n && is_joint(s.p[j])) {
			j++;
		} else {
			if (!str_eq_nocase(str_slice(s, j, j + 1),
			    (struct str){ &c, 1 }))
				return 0;
			i++;
			j++;
		}
	}
	return j - at;
}

/* Words that a password may not be made of. */
struct words {
	const struct str *list;
	size_t n;
};

/* The longest word here; of an address also the part before '@'. */
static size_t
word_at(struct str password, size_t at, const struct words *w)
{
	size_t best = 0;

	for (size_t i = 0; i < 4 * w->n; i++) {
		struct str word = w->list[i / 4];
		size_t n;

		if (i & 1)
			word = str_slice(word, 0, str_find(word, '@'));
		n = word.n < WORD_MIN && word.n != password.n ? 0 :
		    spells(password, at, word, i & 2);
		if (n > best)
			best = n;
	}
	return best;
}

/*
 * Does password consist of words of the context, repeated or in a row, and at
 * most four other bytes?
 */
static bool
is_of_context(struct str password, const struct str *context, size_t n)
{
	const struct words w = { context, n };
	size_t beside = 0, len;

	for (size_t at = 0; at < password.n; at += len ? len : 1) {
		len = word_at(password, at, &w);
		beside += len == 0 && !is_joint(password.p[at]);
	}
	return beside <= BESIDE_MAX && beside < password.n;
}

/* Split the words of the context at '@' and joints. */
static size_t
parts_of(const struct str *context, size_t n, struct str *out)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		struct str word = context[i];
		size_t from = 0;

		for (size_t at = 0; at <= word.n && count < CONTEXT_WORDS;
		    at++) {
			if (at < word.n && word.p[at] != '@' &&
			    !is_joint(word.p[at]))
				continue;
			if (at - from >= WORD_MIN)
				out[count++] = str_slice(word, from, at);
			from = at + 1;
		}
	}
	return count;
}

/* Row PW4: is the password too cheap to guess? */
static bool
is_guessable(struct arena *a, const struct config *c, struct str password,
    const struct str *context, size_t n)
{
	struct str parts[CONTEXT_WORDS];
	size_t nparts = parts_of(context, n, parts);

	if (c->password_bits <= DOCUMENTED_BITS &&
	    password_strength_documented(password))
		return false;
	return password_strength_bits(a, password, parts, nparts) <
	    (double)c->password_bits;
}

/* Is it in the operator's list, which is opened at the first use? */
static bool
is_in_file(const struct config *c, struct str password)
{
	static const char *path;
	char lower[LIMIT_PASSWORD_BYTES];
	bool hit;

	if (path == NULL || strcmp(path, c->password_blocklist) != 0) {
		path = c->password_blocklist;
		if (!password_blocklist_use(path))
			log_error("password.blocklist cannot be read",
			    log_c("path", path),
			    log_c("why", strerror(errno)));
	}
	if (password_blocklist_has(password))
		return true;
	for (size_t i = 0; i < password.n; i++)
		lower[i] = text_lower(password.p[i]);
	hit = password_blocklist_has((struct str){ lower, password.n });
	sodium_memzero(lower, sizeof(lower));
	return hit;
}

/* A sentence with n in it, valid until the next call. */
static const char *
with_number(const char *before, long n, const char *behind)
{
	static char text[96];

	snprintf(text, sizeof(text), "%s %ld %s", before, n, behind);
	return text;
}

static const char *
judge_password(struct arena *a, const struct config *c, struct str password,
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
	if (is_in_file(c, password))
		return "Password is in a list of common passwords; choose "
		    "another";
	if (is_of_context(password, context, ncontext))
		return "Password must not be made of the user name, the "
		    "e-mail address or the name of the service";
	if (is_guessable(a, c, password, context, ncontext))
		return "Password is too easy to guess; make it longer, of "
		    "several words that do not belong together";
	return NULL;
}

const char *
password_policy(const struct config *c, struct str password,
    const struct str *context, size_t ncontext)
{
	struct arena *a = arena_new(FORMS_ARENA);
	bool fits = password.n <= LIMIT_PASSWORD_BYTES;
	const char *why = judge_password(a, c, fits ? unicode_opaque(a,
	    password) :
	    password, context, ncontext);

	arena_free(&a);
	return why;
}
