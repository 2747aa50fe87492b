#include "crypto/password/phc.h"

#include <sodium.h>

#include "crypto/password/phc_private.h"

#define SALT_MAX 64
#define HASH_MIN 16

bool
phc_eat(struct str *s, struct str head)
{
	if (!str_starts(*s, head))
		return false;
	*s = str_slice(*s, head.n, s->n);
	return true;
}

bool
phc_eat_number(struct str *s, char after, uint64_t *out)
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

/* base64 without padding; passlib writes '.' for '+'. */
static bool
decode_b64(struct arena *a, struct str text, size_t min, size_t max,
    struct str *out)
{
	char copy[96];
	unsigned char *p;
	size_t n;

	if (text.n > sizeof(copy))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] & 0x80) /* libsodium takes some for letters */
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
parse_salt_and_hash(struct arena *a, struct str rest, struct phc *out)
{
	size_t n = str_find(rest, '$');

	return n < rest.n &&
	    decode_b64(a, str_slice(rest, 0, n), 1, SALT_MAX, &out->salt) &&
	    decode_b64(a, str_slice(rest, n + 1, rest.n), HASH_MIN,
	    PHC_HASH_MAX,
		&out->hash);
}

static bool
parse_argon2(struct arena *a, struct str s, enum phc_kind kind,
    struct phc *out)
{
	uint64_t lanes;

	out->kind = kind;
	if (!phc_eat(&s, STR("v=19$m=")) ||
	    !phc_eat_number(&s, ',', &out->memory_kib) ||
	    !phc_eat(&s, STR("t=")) ||
	    !phc_eat_number(&s, ',', &out->rounds) ||
	    !phc_eat(&s, STR("p=")) || !phc_eat_number(&s, '$', &lanes) ||
	    lanes < 1 || lanes > UINT16_MAX || out->rounds < 1 ||
	    out->memory_kib < 8 * lanes)
		return false;
	out->p = (uint32_t)lanes;
	/* libsodium refuses a shorter salt. */
	return parse_salt_and_hash(a, s, out) && out->salt.n >= 8;
}

static bool
parse_scrypt(struct arena *a, struct str s, struct phc *out)
{
	uint64_t r, p;

	out->kind = PHC_SCRYPT;
	if (!phc_eat_number(&s, ',', &out->rounds) ||
	    !phc_eat(&s, STR("r=")) || !phc_eat_number(&s, ',', &r) ||
	    !phc_eat(&s, STR("p=")) || !phc_eat_number(&s, '$', &p) ||
	    r < 1 || p < 1 || out->rounds < 1)
		return false;
	out->r = (uint32_t)r;
	out->p = (uint32_t)p;
	out->memory_kib = phc_scrypt_kib(out->rounds, out->r);
	return parse_salt_and_hash(a, s, out);
}

static bool
parse_pbkdf2(struct arena *a, struct str s, int sha, struct phc *out)
{
	out->sha = sha;
	out->kind = PHC_PBKDF2;
	return phc_eat_number(&s, '$', &out->rounds) && out->rounds >= 1 &&
	    parse_salt_and_hash(a, s, out);
}

/* Django: the salt is plain text, the hash is base64 with padding. */
static bool
parse_django(struct arena *a, struct str s, int sha, struct phc *out)
{
	size_t n, bytes = sha == 1 ? 20 : 32;
	struct str hash;

	out->sha = sha;
	out->kind = PHC_PBKDF2;
	if (!phc_eat_number(&s, '$', &out->rounds) || out->rounds < 1)
		return false;
	n = str_find(s, '$');
	hash = str_slice(s, n + 1, s.n);
	if (n == s.n || n == 0 || n > SALT_MAX ||
	    hash.n != (bytes + 2) / 3 * 4 || hash.p[hash.n - 1] != '=')
		return false;
	out->salt = arena_str(a, str_slice(s, 0, n));
	return decode_b64(a, str_slice(hash, 0, hash.n - 1), bytes, bytes,
	    &out->hash);
}

static bool
parse_kind(struct arena *a, struct str s, struct phc *out)
{
	if (phc_eat(&s, STR("$argon2id$")))
		return parse_argon2(a, s, PHC_ARGON2ID, out);
	if (phc_eat(&s, STR("$argon2i$")))
		return parse_argon2(a, s, PHC_ARGON2I, out);
	if (phc_eat(&s, STR("$scrypt$ln=")))
		return parse_scrypt(a, s, out);
	if (phc_eat(&s, STR("$pbkdf2-sha256$")))
		return parse_pbkdf2(a, s, 256, out);
	if (phc_eat(&s, STR("$pbkdf2-sha512$")))
		return parse_pbkdf2(a, s, 512, out);
	if (phc_eat(&s, STR("pbkdf2_sha256$")))
		return parse_django(a, s, 256, out);
	if (phc_eat(&s, STR("pbkdf2_sha1$")))
		return parse_django(a, s, 1, out);
	return phc_parse_crypt(s, out);
}

bool
phc_parse(struct arena *a, struct str stored, struct phc *out)
{
	bool fine;

	*out = (struct phc){ 0 };
	if (stored.n > PHC_MAX || str_has_nul(stored))
		return false;
	out->text = arena_cstr(a, stored);
	fine = parse_kind(a, (struct str){ out->text, stored.n }, out);
	out->malformed = !fine && out->kind != PHC_UNKNOWN;
	if (!fine)
		out->kind = PHC_UNKNOWN;
	else if (out->crypt == NULL)
		out->crypt = out->text;
	return fine;
}
