#include "crypto/jwt/jwt.h"

/* Value of a base64url character; 64 or more: not one. */
static uint8_t
sextet(unsigned char c)
{
	static const uint8_t value[256] = {
#define ROW(c, v) [c] = 64 - (v)
#define FOUR(c, v) ROW(c, v), ROW(c + 1, v + 1), ROW(c + 2, v + 2), \
	ROW(c + 3, v + 3)
		FOUR('A', 0), FOUR('E', 4), FOUR('I', 8), FOUR('M', 12),
		FOUR('Q', 16), FOUR('U', 20), ROW('Y', 24), ROW('Z', 25),
		FOUR('a', 26), FOUR('e', 30), FOUR('i', 34), FOUR('m', 38),
		FOUR('q', 42), FOUR('u', 46), ROW('y', 50), ROW('z', 51),
		FOUR('0', 52), FOUR('4', 56), ROW('8', 60), ROW('9', 61),
		ROW('-', 62), ROW('_', 63),
#undef FOUR
#undef ROW
	};

	return (uint8_t)(64 - value[c]);
}

/* Four characters to three bytes; false when one is not of the alphabet. */
static bool
decode_four(const unsigned char *p, uint8_t *to)
{
	uint32_t a = sextet(p[0]), b = sextet(p[1]), c = sextet(p[2]),
		 d = sextet(p[3]);

	to[0] = (uint8_t)(a << 2 | b >> 4);
	to[1] = (uint8_t)(b << 4 | c >> 2);
	to[2] = (uint8_t)(c << 6 | d);
	return (a | b | c | d) < 64;
}

bool
jwt_decode(struct arena *a, struct str text, struct str *out)
{
	uint8_t *p = arena_alloc(a, text.n / 4 * 3 + 3), *to = p;
	uint32_t bits = 0;
	size_t i = 0;
	int have = 0;

	for (; text.n - i >= 4; i += 4, to += 3)
		if (!decode_four((const unsigned char *)text.p + i, to))
			return false;
	for (; i < text.n; i++) {
		uint8_t v = sextet((unsigned char)text.p[i]);

		if (v > 63)
			return false;
		bits = bits << 6 | v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*to++ = (uint8_t)(bits >> have);
		}
	}
	*out = (struct str){ (char *)p, (size_t)(to - p) };
	/* Each input has one spelling: fewer than 6 bits are left, all zero. */
	return have < 6 && (bits & ((1u << have) - 1)) == 0;
}
