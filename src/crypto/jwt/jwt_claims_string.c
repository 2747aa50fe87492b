#include "crypto/jwt/jwt_claims.h"

static bool
hex4(const char *p, uint32_t *out)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

/* The code point of a \u escape, read after the "u"; a pair is one point. */
static bool
unicode_escape(const char **pp, const char *end, uint32_t *point)
{
	const char *p = *pp;
	uint32_t low;

	if (end - p < 4 || !hex4(p, point))
		return false;
	p += 4;
	if (*point >= 0xd800 && *point <= 0xdbff) {
		if (end - p < 6 || p[0] != '\\' || p[1] != 'u' ||
		    !hex4(p + 2, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		*point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	*pp = p;
	return *point != 0 && !(*point >= 0xdc00 && *point <= 0xdfff);
}

static char *
put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

static char
simple_escape(char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : '\0';
}

bool
jwt_claims_unescape(struct arena *a, struct str raw, struct str *out)
{
	/* The text is never longer than its escaped form. */
	char *buf = arena_alloc(a, raw.n + 1), *to = buf;
	const char *p = raw.p, *end = raw.p + raw.n;
	uint32_t point;

	while (p < end) {
		if (*p != '\\') {
			*to++ = *p++;
			continue;
		}
		if (++p == end)
			return false;
		if (*p == 'u') {
			p++;
			if (!unicode_escape(&p, end, &point))
				return false;
			to = put_utf8(to, point);
		} else if ((*to++ = simple_escape(*p++)) == '\0') {
			return false;
		}
	}
	*out = (struct str){ buf, (size_t)(to - buf) };
	return true;
}
