#include "http/field.h"

#include "base/limits.h"

#define LOCAL_MAX 64  /* RFC 5321, 4.5.3.1.1 */
#define LABEL_MAX 63  /* RFC 1035, 2.3.4 */

static bool
is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/*
 * Dot-atom of RFC 5322, 3.2.3 without '%' and '!' (routes) and '"' (quotes);
 * "=?" would open an encoded word.
 */
static bool
is_local_part(struct str s)
{
	struct str atom;

	if (s.n == 0 || s.n > LOCAL_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!is_label_char(c) &&
		    (c == '\0' || !strchr("#$&'*+-/=?^_`{|}~.", c)))
			return false;
		if (c == '=' && i + 1 < s.n && s.p[i + 1] == '?')
			return false;
	}
	while (str_split(&s, '.', &atom))
		if (atom.n == 0)
			return false;
	return true;
}

static bool
is_label(struct str s)
{
	if (s.n == 0 || s.n > LABEL_MAX || s.p[0] == '-' ||
	    s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_label_char(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

/* Two labels or more (not a local host), the last no number (not an IP). */
static bool
is_domain(struct str s)
{
	struct str label = STR_NONE;
	size_t n = 0;
	bool letter = false;

	while (str_split(&s, '.', &label)) {
		if (!is_label(label))
			return false;
		n++;
	}
	for (size_t i = 0; i < label.n; i++)
		letter |= label.p[i] < '0' || label.p[i] > '9';
	return n >= 2 && letter;
}

bool
field_is_email(struct str s)
{
	size_t at = str_find(s, '@');

	return s.n <= LIMIT_EMAIL && at < s.n &&
	    is_local_part(str_slice(s, 0, at)) &&
	    is_domain(str_slice(s, at + 1, s.n));
}
