#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * The one bounded byte type (security row CC1). It does not own its bytes.
 * An arena puts a NUL after those it makes, which n does not count, so .p may
 * go to a C interface once str_has_nul() has answered false.
 */
struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* For printf: "%.*s", STR_FMT(s). */
#define STR_FMT(s) (int)(s).n, (s).p ? (s).p : ""

/* Borrow a C string; NULL gives STR_NONE. */
static inline struct str
str_of(const char *c)
{
	return (struct str){ c, c ? strlen(c) : 0 };
}

/* Byte equality; not constant time (secrets: sodium_memcmp). */
static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equality with ASCII letter case ignored. */
bool str_eq_nocase(struct str a, struct str b);

/* Does s begin, or end, with the bytes of fix? */
bool str_starts(struct str s, struct str fix);
bool str_ends(struct str s, struct str fix);

/* Position of byte c in s, or s.n. */
size_t str_find(struct str s, char c);

/* Bytes from a up to b (both clamped to s.n). */
static inline struct str
str_slice(struct str s, size_t a, size_t b)
{
	if (b > s.n)
		b = s.n;
	if (a > b)
		a = b;
	return (struct str){ s.p ? s.p + a : NULL, b - a };
}

/* s without the ASCII spaces and tabs at its ends. */
struct str str_trim(struct str s);

/* Does s hold a NUL byte? */
bool str_has_nul(struct str s);

/* Are all bytes of s below 0x80? */
bool str_is_ascii(struct str s);

/*
 * The next piece of *rest, up to a byte of sep; *rest moves past that byte.
 * False when nothing is left. Two adjacent separators enclose an empty piece.
 */
bool str_split(struct str *rest, char sep, struct str *piece);

/*
 * How many of the first bytes of s stand for themselves in a JSON string: up to
 * a control character, a quote or a backslash.
 */
size_t str_json_plain(struct str s);

/* Is s printable ASCII alone, without quotes and backslashes? */
bool str_print_plain(struct str s);

/* Is word a piece of list, but for blanks around the piece? */
bool str_holds(struct str list, char sep, struct str word);

/* n in decimal, written to room; for paths where printf is too slow. */
#define STR_INT_ROOM 24
struct str str_int(char room[STR_INT_ROOM], long long n);

/* Parse all of s as a decimal integer in [min, max]; the only sign is '-'. */
bool str_to_int(struct str s, long long min, long long max, long long *out);

/*
 * Is s valid UTF-8 (RFC 3629: no overlong form, no surrogate, at most
 * U+10FFFF)? *points, when not NULL, receives the number of code points.
 */
bool str_utf8(struct str s, size_t *points);

#endif
