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
text_is_letter(char c)
{
	return text_is_lower(c) || (c >= 'A' && c <= 'Z');
}

static inline bool
text_is_alnum(char c)
{
	return text_is_letter(c) || text_is_digit(c);
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
