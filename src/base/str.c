#include "base/str.h"

#include <endian.h>
#include <stdint.h>
#include <strings.h>

bool
str_eq_nocase(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool
str_starts(struct str s, struct str fix)
{
	return s.n >= fix.n && (fix.n == 0 || memcmp(s.p, fix.p, fix.n) == 0);
}

bool
str_ends(struct str s, struct str fix)
{
	return s.n >= fix.n &&
	    (fix.n == 0 || memcmp(s.p + s.n - fix.n, fix.p, fix.n) == 0);
}

size_t
str_find(struct str s, char c)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;

	return hit ? (size_t)(hit - s.p) : s.n;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str
str_trim(struct str s)
{
	size_t a = 0, b = s.n;

	while (a < b && is_blank(s.p[a]))
		a++;
	while (b > a && is_blank(s.p[b - 1]))
		b--;
	return str_slice(s, a, b);
}

bool
str_has_nul(struct str s)
{
	return str_find(s, '\0') < s.n;
}

/* For a byte that is below n (1 to 128), or is c, the result is not 0. */
#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))
#define TOP_BITS EACH_BYTE(0x80u)
#define HAS_BELOW(word, n) (((word) - EACH_BYTE(n)) & ~(word) & TOP_BITS)
#define HAS_BYTE(word, c) HAS_BELOW((word) ^ EACH_BYTE(c), 1u)

/* How many of the n bytes at p are ASCII, counted in whole words. */
static size_t
ascii_words(const unsigned char *p, size_t n)
{
	uint64_t word;
	size_t i = 0;

	for (; n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (word & TOP_BITS)
			break;
	}
	return i;
}

bool
str_is_ascii(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = ascii_words(p, s.n);

	while (i < s.n && p[i] < 0x80)
		i++;
	return i == s.n;
}

bool
str_split(struct str *rest, char sep, struct str *piece)
{
	size_t at;

	if (rest->p == NULL)
		return false;
	at = str_find(*rest, sep);
	*piece = str_slice(*rest, 0, at);
	*rest = at < rest->n ? str_slice(*rest, at + 1, rest->n) : STR_NONE;
	return true;
}

bool
str_holds(struct str list, char sep, struct str word)
{
	struct str piece;

	while (str_split(&list, sep, &piece))
		if (str_eq(str_trim(piece), word))
			return true;
	return false;
}

struct str
str_int(char room[STR_INT_ROOM], long long n)
{
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	size_t at = STR_INT_ROOM;

	do {
		room[--at] = (char)('0' + rest % 10);
	} while (rest /= 10);
	if (n < 0)
		room[--at] = '-';
	return (struct str){ room + at, STR_INT_ROOM - at };
}

/*
 * Eight digits at once, added up in pairs, fours and eights. False when one of
 * them is none: its high half is not 3, with 6 added or without.
 */
static bool
eight_digits(const char *p, long long *v)
{
	const uint64_t low = UINT64_C(0x000000ff000000ff);
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	w = le64toh(w);
	if ((w & EACH_BYTE(0xf0u)) != EACH_BYTE(0x30u) ||
	    ((w + EACH_BYTE(6u)) & EACH_BYTE(0xf0u)) != EACH_BYTE(0x30u))
		return false;
	w -= EACH_BYTE('0');
	w = w * 10 + (w >> 8);
	w = ((w & low) * (100 + (UINT64_C(1000000) << 32)) +
	    (w >> 16 & low) * (1 + (UINT64_C(10000) << 32))) >> 32;
	*v = *v * 100000000 - (long long)w;
	return true;
}

bool
str_to_int(struct str s, long long min, long long max, long long *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	long long v = 0;
	size_t i = negative ? 1 : 0, safe = i + 18; /* 10^18 fits */

	if (i == s.n)
		return false;
	while (i + 8 <= safe && i + 8 <= s.n && eight_digits(s.p + i, &v))
		i += 8;
	for (; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		if (i < safe)
			v = v * 10 - digit;
		else if (__builtin_mul_overflow(v, 10LL, &v) ||
		    __builtin_sub_overflow(v, (long long)digit, &v))
			return false;
	}
	/* v is built as a negative number: that range is larger by one. */
	if (!negative && __builtin_sub_overflow(0LL, v, &v))
		return false;
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

static bool
is_json_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

size_t
str_json_plain(struct str s)
{
	uint64_t word, hits;
	size_t i = 0;

	for (; s.n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		word = le64toh(word);
		hits = HAS_BELOW(word, 0x20u) | HAS_BYTE(word, '"') |
		    HAS_BYTE(word, '\\');
		if (hits) /* a wrong one stands above the first only */
			return i + (size_t)__builtin_ctzll(hits) / 8;
	}
	while (i < s.n && is_json_plain((unsigned char)s.p[i]))
		i++;
	return i;
}

bool
str_print_plain(struct str s)
{
	uint64_t word, odd = 0;
	size_t i = 0;

	for (; s.n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		odd |= HAS_BELOW(word, 0x20u) | HAS_BYTE(word, '"') |
		    HAS_BYTE(word, '\\') | HAS_BYTE(word, 0x7fu) |
		    (word & TOP_BITS);
	}
	for (; i < s.n; i++)
		odd |= !is_json_plain((unsigned char)s.p[i]) ||
		    (unsigned char)s.p[i] >= 0x7f;
	return odd == 0;
}

/* Length of the UTF-8 sequence at p, 0 when it is none (RFC 3629, 4). */
static size_t
utf8_sequence(const unsigned char *p, size_t n)
{
	unsigned char c = p[0];
	unsigned char low = 0x80, high = 0xbf;
	size_t need, i;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (n < need)
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	if (c == 0xed)
		high = 0x9f;
	if (c == 0xf0)
		low = 0x90;
	if (c == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

bool
str_utf8(struct str s, size_t *points)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = ascii_words(p, s.n), count = i, step;

	while (i < s.n) {
		step = utf8_sequence(p + i, s.n - i);
		if (step == 0)
			return false;
		i += step;
		count++;
	}
	if (points)
		*points = count;
	return true;
}
