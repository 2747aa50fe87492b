#include "base/unicode.h"

#include <stdlib.h>

#include <idn2.h>
#include <sodium.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#define HOST_MAX 1024 /* bytes of UTF-8; the A-form has at most 253 */

/* Turn the spaces that other scripts and phones write into U+0020. */
static struct str
plain_spaces(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t at = 0; at < s.n;) {
		ucs4_t c;
		size_t step = (size_t)u8_mbtouc(&c,
		    (const uint8_t *)s.p + at, s.n - at);

		if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Zs)) {
			p[n++] = ' ';
		} else {
			memcpy(p + n, s.p + at, step);
			n += step;
		}
		at += step;
	}
	return (struct str){ p, n };
}

struct str
unicode_opaque(struct arena *a, struct str s)
{
	struct str spaced;
	uint8_t *form;
	size_t n = 0;

	if (str_is_ascii(s) || !str_utf8(s, NULL))
		return s;
	spaced = plain_spaces(a, s);
	form = u8_normalize(UNINORM_NFC, (const uint8_t *)spaced.p, spaced.n,
	    NULL, &n);
	if (form == NULL)
		return s;
	if (n != s.n || memcmp(form, s.p, n) != 0)
		s = arena_str(a, (struct str){ (char *)form, n });
	sodium_memzero(form, n);
	free(form);
	return s;
}

bool
unicode_host(struct arena *a, struct str name, struct str *out)
{
	char *form = NULL;

	*out = name;
	if (str_is_ascii(name))
		return true;
	if (name.n > HOST_MAX || !str_utf8(name, NULL) || str_has_nul(name) ||
	    idn2_to_ascii_8z(arena_cstr(a, name), &form,
	    IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	*out = arena_str(a, str_of(form));
	idn2_free(form);
	return true;
}
