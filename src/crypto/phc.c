#include "crypto/phc.h"

#include <stdio.h>

#include <sodium.h>

#define BCRYPT_LEN 60
#define SHA512_HASH 86 /* characters */
#define SALT_MAX 64
#define HASH_MIN 16

static bool
eat(struct str *s, struct str head)
{
	if (!str_starts(*s, head))
		return false;
	*s = str_slice(*s, head.n, s->n);
	return true;
}

/* A decimal number without a leading zero, and the byte behind it. */
static bool
eat_number(struct str *s, char after, uint64_t *out)
{
	size_t n = str_find(*s, after);
	struct str digits = str_slice(*s, 0, n);
	long long v;

	if (n == s->n || n == 0 || (n > 1 && digits.p[0] == '0') ||
	    !str_to_int(digits, 0, UINT32_MAX, &v))
		return false;
	*out = (uint64_t)v;
	*s = str_slice(*s, n + 1, s->n);
	return true;
}

/* Every byte of s within the alphabet of crypt(5)? */
static bool
is_crypt64(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '.' && c <= '9')))
			return false;
	}
	return s.n > 0;
}

/* base64 without padding; passlib writes '.' for '+'. */
static bool
decode(struct arena *a, struct str text, size_t min, size_t max,
    struct str *out)
{
	char copy[96];
	unsigned char *p;
	size_t n;

	if (text.n > sizeof(copy))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] & 0x80) /* libsodium reads some as letters */
			return false;
		copy[i] = text.p[i] == '.' ? '+' : text.p[i];
	}
	p = arena_alloc(a, max);
	if (sodium_base642bin(p, max, copy, text.n, NULL, &n, NULL,
	    sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
		return false;
	*out = (struct str){ (char *)p, n };
	return n >= min;
}

/* "salt$hash", the rest of a string in PHC form. */
static bool
salt_and_hash(struct arena *a, struct str rest, struct phc *out)
{
	size_t n = str_find(rest, '$');

	return n < rest.n &&
	    decode(a, str_slice(rest, 0, n), 1, SALT_MAX, &out->salt) &&
	    decode(a, str_slice(rest, n + 1, rest.n), HASH_MIN, PHC_HASH_MAX,
		&out->hash);
}

static bool
parse_argon2id(struct arena *a, struct str s, struct phc *out)
{
	uint64_t lanes;

	if (!eat(&s, STR("v=19$m=")) ||
	    !eat_number(&s, ',', &out->memory_kib) || !eat(&s, STR("t=")) ||
	    !eat_number(&s, ',', &out->rounds) || !eat(&s, STR("p=")) ||
	    !eat_number(&s, '$', &lanes) || lanes < 1 || lanes > UINT16_MAX ||
	    out->rounds < 1 || out->memory_kib < 8 * lanes)
		return false;
	out->p = (uint32_t)lanes;
	out->kind = PHC_ARGON2ID;
	/* libsodium takes no shorter salt. */
	return salt_and_hash(a, s, out) && out->salt.n >= 8;
}

/* s is the whole: "$2b$12$" and 53 characters. */
static bool
parse_bcrypt(struct str s, struct phc *out)
{
	long long cost;

	if (s.n != BCRYPT_LEN || s.p[6] != '$' ||
	    !str_to_int(str_slice(s, 4, 6), 4, 31, &cost) ||
	    !is_crypt64(str_slice(s, 7, s.n)))
		return false;
	out->rounds = (uint64_t)cost;
	out->kind = PHC_BCRYPT;
	return true;
}

/* "[rounds=N$]salt$hash" */
static bool
parse_sha512(struct str s, struct phc *out)
{
	struct str salt;
	size_t n;

	out->rounds = 5000;
	if (eat(&s, STR("rounds=")) && (!eat_number(&s, '$', &out->rounds) ||
	    out->rounds < 1000))
		return false;
	n = str_find(s, '$');
	salt = str_slice(s, 0, n);
	if (n == s.n || salt.n > 16 || !is_crypt64(salt) ||
	    s.n - n - 1 != SHA512_HASH ||
	    !is_crypt64(str_slice(s, n + 1, s.n)))
		return false;
	out->kind = PHC_SHA512CRYPT;
	return true;
}

/* One character of crypt(5)'s alphabet, or 64. */
static uint32_t
crypt64(char c)
{
	static const char itoa64[] =
	    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *at = c ? strchr(itoa64, c) : NULL;

	return at ? (uint32_t)(at - itoa64) : 64;
}

/* Five characters, little end first. */
static bool
eat_crypt30(struct str *s, uint32_t *out)
{
	uint32_t v = 0;

	if (s->n < 5)
		return false;
	for (int i = 0; i < 5; i++) {
		uint32_t six = crypt64(s->p[i]);

		if (six == 64)
			return false;
		v |= six << (6 * i);
	}
	*out = v;
	*s = str_slice(*s, 5, s->n);
	return true;
}

/* 128 N r in KiB; what is too large stands as the largest number. */
static uint64_t
scrypt_kib(uint64_t ln, uint32_t r)
{
	return ln < 32 ? ((uint64_t)r << ln) / 8 : UINT64_MAX;
}

/* N, r (5), p (5), salt, '$', 43 characters of hash. */
static bool
parse_scrypt_crypt(struct str s, struct phc *out)
{
	struct str salt;
	size_t n;

	if (s.n == 0 || (out->rounds = crypt64(s.p[0])) == 64)
		return false;
	s = str_slice(s, 1, s.n);
	if (!eat_crypt30(&s, &out->r) || !eat_crypt30(&s, &out->p) ||
	    out->rounds < 1 || out->r < 1 || out->p < 1)
		return false;
	n = str_find(s, '$');
	salt = str_slice(s, 0, n);
	if (n == s.n || salt.n > 86 || !is_crypt64(salt) ||
	    s.n - n - 1 != 43 || !is_crypt64(str_slice(s, n + 1, s.n)))
		return false;
	out->memory_kib = scrypt_kib(out->rounds, out->r);
	out->kind = PHC_SCRYPT_CRYPT;
	return true;
}

static bool
parse_scrypt(struct arena *a, struct str s, struct phc *out)
{
	uint64_t r, p;

	if (!eat_number(&s, ',', &out->rounds) || !eat(&s, STR("r=")) ||
	    !eat_number(&s, ',', &r) || !eat(&s, STR("p=")) ||
	    !eat_number(&s, '$', &p) || r < 1 || p < 1 || out->rounds < 1)
		return false;
	out->r = (uint32_t)r;
	out->p = (uint32_t)p;
	out->memory_kib = scrypt_kib(out->rounds, out->r);
	out->kind = PHC_SCRYPT;
	return salt_and_hash(a, s, out);
}

static bool
parse_pbkdf2(struct arena *a, struct str s, int sha, struct phc *out)
{
	out->sha = sha;
	out->kind = PHC_PBKDF2;
	return eat_number(&s, '$', &out->rounds) && out->rounds >= 1 &&
	    salt_and_hash(a, s, out);
}

/* Django: the salt is its own text, the hash has its padding. */
static bool
parse_django(struct arena *a, struct str s, struct phc *out)
{
	size_t n;

	out->sha = 256;
	out->kind = PHC_PBKDF2;
	if (!eat_number(&s, '$', &out->rounds) || out->rounds < 1)
		return false;
	n = str_find(s, '$');
	if (n == s.n || n == 0 || n > SALT_MAX || s.n - n - 1 != 44 ||
	    s.p[s.n - 1] != '=')
		return false;
	out->salt = arena_str(a, str_slice(s, 0, n));
	return decode(a, str_slice(s, n + 1, s.n - 1), 32, 32, &out->hash);
}

static bool
parse(struct arena *a, struct str s, struct phc *out)
{
	struct str whole = s;

	if (eat(&s, STR("$argon2id$")))
		return parse_argon2id(a, s, out);
	if (eat(&s, STR("$2a$")) || eat(&s, STR("$2b$")) ||
	    eat(&s, STR("$2y$")))
		return parse_bcrypt(whole, out);
	if (eat(&s, STR("$6$")))
		return parse_sha512(s, out);
	if (eat(&s, STR("$7$")))
		return parse_scrypt_crypt(s, out);
	if (eat(&s, STR("$scrypt$ln=")))
		return parse_scrypt(a, s, out);
	if (eat(&s, STR("$pbkdf2-sha256$")))
		return parse_pbkdf2(a, s, 256, out);
	if (eat(&s, STR("$pbkdf2-sha512$")))
		return parse_pbkdf2(a, s, 512, out);
	if (eat(&s, STR("pbkdf2_sha256$")))
		return parse_django(a, s, out);
	return false;
}

bool
phc_parse(struct arena *a, struct str stored, struct phc *out)
{
	*out = (struct phc){ 0 };
	if (stored.n > PHC_MAX || str_has_nul(stored) ||
	    !parse(a, stored, out)) {
		out->kind = PHC_UNKNOWN;
		return false;
	}
	out->text = arena_cstr(a, stored);
	return true;
}
