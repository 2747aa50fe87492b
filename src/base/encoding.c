#include "base/encoding.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/pid.h"
#include "base/text.h"

struct str
hex_encode(struct arena *a, struct str bytes)
{
	char *p = arena_array(a, bytes.n + 1, 2);

	sodium_bin2hex(p, bytes.n * 2 + 1, (const unsigned char *)bytes.p,
	    bytes.n);
	return (struct str){ p, bytes.n * 2 };
}

bool
hex_decode(struct arena *a, struct str text, struct str *bytes)
{
	unsigned char *p;
	size_t n;

	if (text.n % 2)
		return false;
	p = arena_alloc(a, text.n / 2 + 1);
	if (sodium_hex2bin(p, text.n / 2, text.p, text.n, NULL, &n, NULL) != 0)
		return false;
	*bytes = (struct str){ (char *)p, n };
	return n == text.n / 2;
}

static struct str
base64_encode(struct arena *a, struct str bytes, int variant)
{
	size_t room = sodium_base64_encoded_len(bytes.n, variant);
	char *p = arena_alloc(a, room);

	sodium_bin2base64(p, room, (const unsigned char *)bytes.p, bytes.n,
	    variant);
	return (struct str){ p, strlen(p) };
}

static bool
base64_decode(struct arena *a, struct str text, int variant,
    struct str *bytes)
{
	size_t room = text.n / 4 * 3 + 3, n;
	unsigned char *p = arena_alloc(a, room + 1);

	/*
	 * Given no end pointer, libsodium refuses every other spelling, but
	 * 1.0.18 takes some bytes above 127 for letters.
	 */
	if (!str_is_ascii(text) || sodium_base642bin(p, room, text.p, text.n,
	    NULL, &n, NULL, variant) != 0)
		return false;
	*bytes = (struct str){ (char *)p, n };
	return true;
}

struct str
b64url_encode(struct arena *a, struct str bytes)
{
	return base64_encode(a, bytes,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool
b64url_decode(struct arena *a, struct str text, struct str *bytes)
{
	return base64_decode(a, text,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING, bytes);
}

struct str
b64_encode(struct arena *a, struct str bytes)
{
	return base64_encode(a, bytes, sodium_base64_VARIANT_ORIGINAL);
}

bool
b64_decode(struct arena *a, struct str text, struct str *bytes)
{
	return base64_decode(a, text, sodium_base64_VARIANT_ORIGINAL, bytes);
}

bool
percent_decode(struct arena *a, struct str text, bool plus, struct str *bytes)
{
	char *p = arena_alloc(a, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%') {
			int hi = i + 2 < text.n ? text_hex(text.p[i + 1]) : -1;
			int lo = hi >= 0 ? text_hex(text.p[i + 2]) : -1;

			if (lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0')
			return false;
		p[n++] = c;
	}
	*bytes = (struct str){ p, n };
	return true;
}

static bool
is_unreserved(char c)
{
	return text_is_alnum(c) || strchr("-._~", c) != NULL;
}

struct str
percent_encode(struct arena *a, struct str bytes)
{
	static const char hex[] = "0123456789ABCDEF";
	char *p = arena_array(a, bytes.n + 1, 3);
	size_t n = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		if (c && is_unreserved((char)c)) {
			p[n++] = (char)c;
			continue;
		}
		p[n++] = '%';
		p[n++] = hex[c >> 4];
		p[n++] = hex[c & 15];
	}
	return (struct str){ p, n };
}

/*
 * Random bytes for ids, of which each request needs some: a system call for
 * many. A child of fork() draws its own, and none stays behind when it is used.
 * No process makes ids in two threads.
 */
static void
draw_random(uint8_t *out, size_t n)
{
	static struct {
		pid_t owner;
		size_t left; /* the first ones of bytes */
		uint8_t bytes[512];
	} pool;

	if (pool.left < n || pool.owner != pid_self()) {
		randombytes_buf(pool.bytes, sizeof(pool.bytes));
		pool.left = sizeof(pool.bytes);
		pool.owner = pid_self();
	}
	pool.left -= n;
	memcpy(out, pool.bytes + pool.left, n);
	sodium_memzero(pool.bytes + pool.left, n);
}

struct uuid
uuid_v7(void)
{
	uint64_t ms = (uint64_t)(clock_wall() / CLOCK_MS);
	struct uuid u;

	draw_random(u.b, sizeof(u.b));
	for (int i = 0; i < 6; i++)
		u.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	u.b[6] = (uint8_t)(0x70 | (u.b[6] & 0x0f));
	u.b[8] = (uint8_t)(0x80 | (u.b[8] & 0x3f));
	return u;
}

static bool
is_dash(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

struct str
uuid_text(struct arena *a, struct uuid u)
{
	static const char hex[] = "0123456789abcdef";
	char *p = arena_alloc(a, 37);
	size_t at = 0;

	for (size_t i = 0; i < sizeof(u.b); i++) {
		if (is_dash(at))
			p[at++] = '-';
		p[at++] = hex[u.b[i] >> 4];
		p[at++] = hex[u.b[i] & 15];
	}
	return (struct str){ p, 36 };
}

bool
uuid_parse(struct str text, struct uuid *out)
{
	size_t n = 0;

	if (text.n != 36)
		return false;
	for (size_t i = 0; i < 36;) {
		int hi, lo;

		if (is_dash(i)) {
			if (text.p[i++] != '-')
				return false;
			continue;
		}
		hi = text_hex(text.p[i]);
		lo = text_hex(text.p[i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		out->b[n++] = (uint8_t)(hi << 4 | lo);
		i += 2;
	}
	return true;
}
