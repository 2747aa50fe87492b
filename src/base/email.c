#include "base/email.h"

#include "base/limits.h"
#include "base/text.h"

#define LOCAL_MAX 64 /* RFC 5321, 4.5.3.1.1 */
#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */

static bool
is_local_part(struct str s)
{
	struct str rest = s, atom;

	if (s.n == 0 || s.n > LOCAL_MAX || !text_only(s, "#$&'*+-/=?^_`{|}~."))
		return false;
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '=' && s.p[i + 1] == '?')
			return false;
	while (str_split(&rest, '.', &atom))
		if (atom.n == 0)
			return false;
	return true;
}

static bool
is_label(struct str s)
{
	return s.n > 0 && s.n <= LABEL_MAX && text_only(s, "-") &&
	    s.p[0] != '-' && s.p[s.n - 1] != '-';
}

static bool
is_domain(struct str s)
{
	struct str rest = s, label;

	while (str_split(&rest, '.', &label))
		if (!is_label(label))
			return false;
	return s.n > 0;
}

bool
email_ok(struct str s)
{
	size_t at = str_find(s, '@');

	return s.n <= LIMIT_EMAIL && at < s.n &&
	    is_local_part(str_slice(s, 0, at)) && is_domain(email_domain(s));
}

bool
email_is_public(struct str s)
{
	struct str rest = email_domain(s), label = STR_NONE;
	size_t n = 0;

	while (str_split(&rest, '.', &label))
		n++;
	return n >= 2 && !text_digits(label) && email_ok(s);
}

struct str
email_domain(struct str s)
{
	return str_slice(s, str_find(s, '@') + 1, s.n);
}

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ||
		    s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return str_utf8(s, NULL);
}

bool
email_parse(struct str s, struct str *name, struct str *address)
{
	size_t open = str_find(s, '<');

	*name = STR_NONE;
	*address = str_trim(s);
	if (open == s.n)
		return email_ok(*address);
	if (!str_ends(*address, STR(">")))
		return false;
	*name = str_trim(str_slice(s, 0, open));
	s = str_trim(s);
	*address = str_slice(s, str_find(s, '<') + 1, s.n - 1);
	if (name->n >= 2 && name->p[0] == '"' && str_ends(*name, STR("\"")))
		*name = str_slice(*name, 1, name->n - 1);
	if (name->n == 0)
		*name = STR_NONE;
	return is_name(*name) && email_ok(*address);
}
