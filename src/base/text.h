#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/str.h"

/* ASCII letters and digits, whatever the locale is. */
static inline bool
text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
text_is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static inline bool
text_is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool
text_is_letter(char c)
{
	return text_is_lower(c) || text_is_upper(c);
}

static inline bool
text_is_alnum(char c)
{
	return text_is_letter(c) || text_is_digit(c);
}

/* c in the other case, where it is a letter of one. */
static inline char
text_lower(char c)
{
	return text_is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static inline char
text_upper(char c)
{
	return text_is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

/* The value of a hexadecimal digit in either case; -1: it is none. */
static inline int
text_hex(char c)
{
	if (text_is_digit(c))
		return c - '0';
	c = text_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Is each byte of s a letter, a digit or one of also? A NUL is not, though
 * strchr() finds it at the end of also. True of no bytes.
 */
static inline bool
text_only(struct str s, const char *also)
{
	for (size_t i = 0; i < s.n; i++)
		if (!text_is_alnum(s.p[i]) &&
		    (s.p[i] == '\0' || strchr(also, s.p[i]) == NULL))
			return false;
	return true;
}

/* Is each byte of s a digit? True of no bytes. */
static inline bool
text_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!text_is_digit(s.p[i]))
			return false;
	return true;
}

#endif
