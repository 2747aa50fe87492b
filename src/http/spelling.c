#include "http/spelling.h"

#include <stdint.h>

/*
 * Gaps are code points of three bytes of UTF-8 or less; U+2000 to U+200F are
 * spaces of all widths and direction marks, U+2028 to U+202F separators and
 * marks.
 */
static const struct gap {
	uint32_t first, last;
	bool hyphen;
} gaps[] = {
	{ 0x09, 0x0d, false }, { 0x20, 0x20, false }, { 0x2d, 0x2d, true },
	{ 0x85, 0x85, false }, { 0xa0, 0xa0, false }, { 0xad, 0xad, true },
	{ 0x1680, 0x1680, false }, { 0x2000, 0x200f, false },
	{ 0x2010, 0x2015, true }, { 0x2028, 0x202f, false },
	{ 0x205f, 0x2064, false }, { 0x2212, 0x2212, true },
	{ 0x3000, 0x3000, false }, { 0xfeff, 0xfeff, false },
};

/* Bytes of the gap that s begins with; 0 when it begins with none. */
static size_t
gap_at(struct str s, bool hyphens)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = s.n == 0 ? 0 : p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 :
	    p[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	if (n == 0 || n > 3 || n > s.n)
		return 0;
	c = n == 1 ? p[0] : n == 2 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu) :
	    (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	for (size_t i = 0; i < sizeof(gaps) / sizeof(*gaps); i++)
		if (c >= gaps[i].first && c <= gaps[i].last)
			return hyphens || !gaps[i].hyphen ? n : 0;
	return 0;
}

/* Where the last character of s begins. */
static size_t
last_at(struct str s)
{
	size_t at = s.n - 1;

	while (at > 0 && s.n - at < 4 && (s.p[at] & 0xc0) == 0x80)
		at--;
	return at;
}

struct str
spelling_trim(struct str s)
{
	size_t n;

	while ((n = gap_at(s, false)) > 0)
		s = str_slice(s, n, s.n);
	while (s.n) {
		size_t at = last_at(s);

		if (gap_at(str_slice(s, at, s.n), false) != s.n - at)
			break;
		s = str_slice(s, 0, at);
	}
	return s;
}

struct str
spelling_code(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0, gap;

	while (s.n) {
		gap = gap_at(s, true);
		if (gap == 0)
			p[n++] = s.p[0];
		s = str_slice(s, gap ? gap : 1, s.n);
	}
	return (struct str){ p, n };
}
