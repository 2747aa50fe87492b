#include "worker/mail/mail_address.h"

#include "base/email.h"

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
mail_address_parse(struct str s, struct str *name, struct str *address)
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
