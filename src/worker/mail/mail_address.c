#include "worker/mail/mail_address.h"

#include "base/limits.h"

#define LOCAL_MAX 64 /* RFC 5321 4.5.3.1.1 */
#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

static bool
is_domain_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* atext of RFC 5322 3.2.3 without the routing characters of old. */
static bool
is_atext(char c)
{
	return is_domain_alnum(c) || (c != '\0' && strchr("#$&'*+-/=?^_`{|}~",
	    c));
}

static bool
local_ok(struct str s)
{
	struct str rest = s, atom;

	if (s.n == 0 || s.n > LOCAL_MAX)
		return false;
	while (str_split(&rest, '.', &atom)) {
		if (atom.n == 0)
			return false;
		for (size_t i = 0; i < atom.n; i++)
			if (!is_atext(atom.p[i]))
				return false;
	}
	return true;
}

static bool
domain_ok(struct str s)
{
	struct str rest = s, label;

	if (s.n == 0)
		return false;
	while (str_split(&rest, '.', &label)) {
		if (label.n == 0 || label.n > LABEL_MAX ||
		    label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_domain_alnum(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return true;
}

bool
mail_address_ok(struct str s)
{
	size_t at = str_find(s, '@');

	return s.n <= LIMIT_EMAIL && at < s.n &&
	    local_ok(str_slice(s, 0, at)) &&
	    domain_ok(str_slice(s, at + 1, s.n));
}

struct str
mail_address_domain(struct str s)
{
	return str_slice(s, str_find(s, '@') + 1, s.n);
}

static bool
dns_name_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ||
		    s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return str_utf8(s, NULL);
}

bool
mail_address_parse(struct str s, struct str *name, struct str *address)
{
	size_t open = str_find(s, '<');

	*name = STR_NONE;
	*address = str_trim(s);
	if (open == s.n)
		return mail_address_ok(*address);
	if (!str_ends(*address, STR(">")))
		return false;
	*name = str_trim(str_slice(s, 0, open));
	s = str_trim(s);
	*address = str_slice(s, str_find(s, '<') + 1, s.n - 1);
	if (name->n >= 2 && name->p[0] == '"' && str_ends(*name, STR("\"")))
		*name = str_slice(*name, 1, name->n - 1);
	if (name->n == 0)
		*name = STR_NONE;
	return dns_name_ok(*name) && mail_address_ok(*address);
}
