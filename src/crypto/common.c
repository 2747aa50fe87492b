#include "crypto/common.h"

#include <stdlib.h>

#include <sodium.h>

#define LONGEST 128
#define RUN_MIN 3
#define DIGITS_MAX 4 /* a year */
#define SIGNS_MAX 2

static const char *const words[] = {
#define WORD(w) w,
#include "crypto/common_words.def"
#undef WORD
};

/* Neighbours on keyboards and in the alphabet, each also backwards. */
static const char *const rows[] = {
	"01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl",
	"zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm",
	"!@#$%^&*()", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm",
	"1q2w3e4r5t6y7u8i9o0p",
};

static int
by_text(const void *key, const void *row)
{
	const struct str *k = key;
	const char *word = *(const char *const *)row;
	int order = strncmp(k->p, word, k->n);

	return order ? order : word[k->n] ? -1 : 0;
}

static bool
is_word(struct str s)
{
	return s.n >= RUN_MIN && bsearch(&s, words,
	    sizeof(words) / sizeof(words[0]), sizeof(words[0]), by_text);
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c & 0x80);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The letter a sign stands for; one reads as i or as l. */
static char
letter_of(char c, char one)
{
	static const char from[] = "@4830$57+!", to[] = "aabeosstti";
	const char *at = c ? strchr(from, c) : NULL;

	return c == '1' ? one : at ? to[at - from] : c;
}

/* s itself, with signs read as letters, and half of what stands twice. */
static bool
is_word_somehow(struct str s)
{
	char buf[LONGEST];
	bool hit = is_word(s);

	for (int pass = 0; pass < 2 && !hit; pass++) {
		for (size_t i = 0; i < s.n; i++)
			buf[i] = letter_of(s.p[i], pass ? 'l' : 'i');
		hit = is_word((struct str){ buf, s.n });
	}
	if (!hit && s.n % 2 == 0 && s.n > 0)
		hit = memcmp(s.p, s.p + s.n / 2, s.n / 2) == 0 &&
		    is_word(str_slice(s, 0, s.n / 2));
	sodium_memzero(buf, sizeof(buf));
	return hit;
}

/* How many bytes from s on go along row by step? */
static size_t
along(struct str s, const char *row, int step)
{
	const char *at, *end = row + strlen(row);
	size_t best = 0;

	for (at = row; at < end; at++) {
		const char *p = at;
		size_t n = 0;

		while (n < s.n && p >= row && p < end && *p == s.p[n]) {
			n++;
			p += step;
		}
		if (n > best)
			best = n;
	}
	return best;
}

/* A unit of up to four bytes repeated from the start of s: how far? */
static size_t
repeated(struct str s)
{
	size_t best = 0;

	for (size_t unit = 1; unit <= 4 && unit * 2 <= s.n; unit++) {
		size_t n = unit;

		while (n < s.n && s.p[n] == s.p[n - unit])
			n++;
		if (n >= unit * 2 && n > best)
			best = n;
	}
	return best;
}

static size_t
longest_run(struct str s)
{
	size_t best = repeated(s);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t up = along(s, rows[i], 1), down = along(s, rows[i], -1);

		if (up > best)
			best = up;
		if (down > best)
			best = down;
	}
	return best;
}

/* Nothing but runs: qwerty123456, aaa111, abcd1234!. */
static bool
is_runs(struct str s)
{
	size_t n;

	while (s.n >= RUN_MIN) {
		n = longest_run(s);
		if (n < RUN_MIN)
			return false;
		s = str_slice(s, n, s.n);
	}
	for (size_t i = 0; i < s.n; i++)
		if (is_letter(s.p[i]) || is_digit(s.p[i]))
			return false;
	return true;
}

/* Around a word stands little, or nothing worth guessing. */
static bool
is_trifle(struct str s)
{
	size_t digits = 0, signs = 0;

	for (size_t i = 0; i < s.n; i++)
		if (is_digit(s.p[i]))
			digits++;
		else
			signs++;
	return signs <= SIGNS_MAX && (digits <= DIGITS_MAX || is_runs(s));
}

static bool
is_common(struct str s)
{
	size_t a = 0, b = s.n;

	if (is_word_somehow(s) || is_runs(s))
		return true;
	while (b > 0 && !is_letter(s.p[b - 1]))
		b--;
	if (is_trifle(str_slice(s, b, s.n)) &&
	    is_word_somehow(str_slice(s, 0, b)))
		return true;
	while (a < b && !is_letter(s.p[a]))
		a++;
	return is_trifle(str_slice(s, 0, a)) &&
	    is_trifle(str_slice(s, b, s.n)) &&
	    is_word_somehow(str_slice(s, a, b));
}

bool
common_password(struct str password)
{
	char lower[LONGEST];
	bool hit;

	if (password.n > sizeof(lower) || password.n == 0)
		return false;
	for (size_t i = 0; i < password.n; i++) {
		char c = password.p[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	hit = is_common((struct str){ lower, password.n });
	sodium_memzero(lower, sizeof(lower));
	return hit;
}

bool
common_beside(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_letter((char)(s.p[i] | 0x20)))
			return false;
	return is_trifle(s);
}
