#include "crypto/token.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

/* version ‖ id ‖ generation, then the MAC over the purpose and those three. */
#define HEAD (1 + 16 + 4)
#define MAC 32
#define BODY (HEAD + MAC)
#define BODY_TEXT 71 /* base64url of BODY bytes */

#define ID_CHARS 12
#define CRC_CHARS 6

/* The purpose is also the key's name (crypto/keyring.h). */
static const struct {
	const char *prefix;
	const char *purpose;
} kinds[TOKEN_PURPOSES] = {
	[TOKEN_REFRESH] = { "prt_", "refresh" },
	[TOKEN_RESET] = { "pwr_", "reset" },
	[TOKEN_CHALLENGE] = { "plc_", "challenge" },
	[TOKEN_DEVICE] = { "pdt_", "device" },
	[TOKEN_EMAIL] = { "pem_", "email" },
	[TOKEN_UNDO] = { "pun_", "undo" },
	[TOKEN_RECOVERY] = { "prc_", "recovery" },
	[TOKEN_VERIFY] = { "pvt_", "verify" },
};

static void
add_c(crypto_auth_hmacsha256_state *st, const char *s)
{
	/* With its NUL, so that no name's input begins with another's. */
	crypto_auth_hmacsha256_update(st, (const unsigned char *)s,
	    strlen(s) + 1);
}

static void
mac_add(crypto_auth_hmacsha256_state *st, struct str s)
{
	crypto_auth_hmacsha256_update(st, (const unsigned char *)s.p, s.n);
}

static void
head_mac(const uint8_t key[32], const char *purpose, const uint8_t head[HEAD],
    uint8_t mac[MAC])
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, key, 32);
	add_c(&st, purpose);
	crypto_auth_hmacsha256_update(&st, head, HEAD);
	crypto_auth_hmacsha256_final(&st, mac);
	sodium_memzero(&st, sizeof(st));
}

struct str
token_make(struct arena *a, const struct keyring *k,
    enum token_purpose purpose, struct uuid id, uint32_t generation)
{
	uint8_t key[32], body[BODY];
	struct str text;

	body[0] = keyring_current(k);
	memcpy(body + 1, id.b, 16);
	for (int i = 0; i < 4; i++)
		body[17 + i] = (uint8_t)(generation >> (24 - 8 * i));
	if (!keyring_derive(k, body[0], kinds[purpose].purpose, key))
		abort(); /* the current version always has a key */
	head_mac(key, kinds[purpose].purpose, body, body + HEAD);
	text = b64url_encode(a, (struct str){ (char *)body, BODY });
	sodium_memzero(key, sizeof(key));
	return arena_fmt(a, "%s%s", kinds[purpose].prefix, text.p);
}

bool
token_is(enum token_purpose purpose, struct str token)
{
	return str_starts(token, str_of(kinds[purpose].prefix));
}

static bool
mac_matches(const struct keyring *k, const char *purpose,
    const uint8_t body[BODY])
{
	uint8_t key[32], mac[MAC];
	bool ok = false;

	for (int i = 0;
	    !ok && keyring_derive_nth(k, body[0], i, purpose, key); i++) {
		head_mac(key, purpose, body, mac);
		ok = sodium_memcmp(mac, body + HEAD, MAC) == 0;
	}
	sodium_memzero(key, sizeof(key));
	sodium_memzero(mac, sizeof(mac));
	return ok;
}

bool
token_open(struct arena *a, const struct keyring *k,
    enum token_purpose purpose, struct str token, struct uuid *id,
    uint32_t *generation)
{
	struct str prefix = str_of(kinds[purpose].prefix), body;
	const uint8_t *p;

	if (token.n != prefix.n + BODY_TEXT || !str_starts(token, prefix) ||
	    !b64url_decode(a, str_slice(token, prefix.n, token.n), &body) ||
	    body.n != BODY)
		return false;
	p = (const uint8_t *)body.p;
	if (!mac_matches(k, kinds[purpose].purpose, p))
		return false;
	memcpy(id->b, p + 1, 16);
	*generation = (uint32_t)p[17] << 24 | (uint32_t)p[18] << 16 |
	    (uint32_t)p[19] << 8 | p[20];
	return true;
}

struct str
token_digits(struct arena *a, int n)
{
	uint32_t bound = 1;

	if (n < 1 || n > 9)
		abort();
	for (int i = 0; i < n; i++)
		bound *= 10;
	/* randombytes_uniform() draws again if a remainder would bias. */
	return arena_fmt(a, "%0*u", n, randombytes_uniform(bound));
}

struct str
token_code_mac(struct arena *a, const struct keyring *k, struct str id,
    const char *purpose, struct str code)
{
	crypto_auth_hmacsha256_state st;
	uint8_t key[32], size[8];
	unsigned char *mac = arena_alloc(a, MAC);

	if (!keyring_derive(k, keyring_current(k), "otp", key))
		abort();
	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)((uint64_t)id.n >> (56 - 8 * i));
	crypto_auth_hmacsha256_init(&st, key, sizeof(key));
	/* The length separates id from what follows. */
	crypto_auth_hmacsha256_update(&st, size, sizeof(size));
	mac_add(&st, id);
	add_c(&st, purpose);
	mac_add(&st, code);
	crypto_auth_hmacsha256_final(&st, mac);
	sodium_memzero(&st, sizeof(st));
	sodium_memzero(key, sizeof(key));
	return (struct str){ (char *)mac, MAC };
}

struct str
token_hash(struct arena *a, struct str secret)
{
	unsigned char *p = arena_alloc(a, crypto_hash_sha256_BYTES);

	crypto_hash_sha256(p, (const unsigned char *)secret.p, secret.n);
	return (struct str){ (char *)p, crypto_hash_sha256_BYTES };
}

static const char base62[] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool
is_base62(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(base62, s.p[i]) == NULL)
			return false;
	return s.n > 0;
}

/*
 * CRC-32 as in IEEE 802.3: detects typing errors, protects nothing. Four bits
 * at a time: the remainders of 0 to 15 are the table.
 */
static uint32_t
crc32_of(struct str s)
{
	static const uint32_t of_four[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (uint8_t)s.p[i];
		crc = crc >> 4 ^ of_four[crc & 15];
		crc = crc >> 4 ^ of_four[crc & 15];
	}
	return ~crc;
}

static void
crc_text(struct str s, char out[CRC_CHARS])
{
	uint32_t crc = crc32_of(s);

	for (int i = CRC_CHARS; i-- > 0; crc /= 62)
		out[i] = base62[crc % 62];
}

static void
add_random(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = base62[randombytes_uniform(62)];
}

/* Base-62 characters that hold `bytes` bytes: log2(62) is 5.95419…. */
static size_t
chars_for(int bytes)
{
	return ((size_t)bytes * 8 * 100000 + 595418) / 595419;
}

/* prefix, id (NULL: a new one), '_', secret, '_', checksum. */
static struct str
api_key(struct arena *a, const char *prefix, const char *id, int bytes)
{
	size_t start = strlen(prefix), secret, n;
	char *p;

	if (bytes < 16 || bytes > 1024)
		abort();
	secret = chars_for(bytes);
	n = start + ID_CHARS + 1 + secret + 1 + CRC_CHARS;
	p = arena_alloc(a, n + 1);
	memcpy(p, prefix, start);
	if (id)
		memcpy(p + start, id, ID_CHARS);
	else
		add_random(p + start, ID_CHARS);
	p[start + ID_CHARS] = '_';
	add_random(p + start + ID_CHARS + 1, secret);
	p[n - CRC_CHARS - 1] = '_';
	crc_text((struct str){ p, n - CRC_CHARS }, p + n - CRC_CHARS);
	return (struct str){ p, n };
}

struct str
token_api_key(struct arena *a, const char *prefix, int bytes)
{
	return api_key(a, prefix, NULL, bytes);
}

struct str
token_api_key_with_id(struct arena *a, const char *prefix, struct str id,
    int bytes)
{
	if (id.n != ID_CHARS)
		abort();
	return api_key(a, prefix, id.p, bytes);
}

bool
token_api_key_check(const char *prefix, struct str key, struct str *id)
{
	struct str body, secret, before;
	char crc[CRC_CHARS];
	size_t start = strlen(prefix);

	if (!str_starts(key, str_of(prefix)))
		return false;
	body = str_slice(key, start, key.n);
	if (body.n < ID_CHARS + 1 + 1 + 1 + CRC_CHARS ||
	    body.p[ID_CHARS] != '_' || body.p[body.n - CRC_CHARS - 1] != '_')
		return false;
	secret = str_slice(body, ID_CHARS + 1, body.n - CRC_CHARS - 1);
	*id = str_slice(body, 0, ID_CHARS);
	before = str_slice(key, 0, key.n - CRC_CHARS);
	crc_text(before, crc);
	return is_base62(*id) && is_base62(secret) &&
	    memcmp(crc, key.p + before.n, CRC_CHARS) == 0;
}
