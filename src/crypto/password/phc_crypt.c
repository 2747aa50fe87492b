#include "base/text.h"
#include "crypto/password/phc_private.h"

#define BCRYPT_LEN 60
#define PHPASS_LEN 34
#define SHA_ROUNDS 5000 /* when the string names none */

/* Is every byte of s in the alphabet of crypt(5)? */
static bool
is_crypt64(struct str s)
{
	return s.n > 0 && text_only(s, "./");
}

/* "salt$hash", the end of a string; the salt must not be empty. */
static bool
crypt_salt_and_hash(struct str s, size_t salt_max, size_t hash)
{
	size_t n = str_find(s, '$');

	return n < s.n && n <= salt_max && is_crypt64(str_slice(s, 0, n)) &&
	    s.n - n - 1 == hash && is_crypt64(str_slice(s, n + 1, s.n));
}

/*
 * s is the whole string: "$2b$12$" and 53 characters. We make $2b$ strings and
 * store imported ones as $2y$, which is the same function.
 */
static bool
parse_bcrypt(struct str s, struct phc *out)
{
	long long cost;

	out->kind = PHC_BCRYPT;
	out->crypt = s.p;
	out->foreign = !str_starts(s, STR("$2b$"));
	if (s.n != BCRYPT_LEN || s.p[6] != '$' ||
	    !str_to_int(str_slice(s, 4, 6), 4, 31, &cost) ||
	    !is_crypt64(str_slice(s, 7, s.n)))
		return false;
	out->rounds = (uint64_t)cost;
	return true;
}

/* bcrypt of a text derived from the password. */
static bool
parse_over_bcrypt(struct str s, enum phc_over over, struct phc *out)
{
	out->kind = PHC_BCRYPT;
	out->over = over;
	if ((!str_starts(s, STR("$2a$")) && !str_starts(s, STR("$2b$")) &&
	    !str_starts(s, STR("$2y$"))) || !parse_bcrypt(s, out))
		return false;
	out->foreign = true;
	return true;
}

/* "[rounds=N$]salt$hash" */
static bool
parse_sha(struct str s, size_t hash, struct phc *out)
{
	out->kind = PHC_SHACRYPT;
	out->rounds = SHA_ROUNDS;
	if (phc_eat(&s, STR("rounds=")) && (!phc_eat_number(&s, '$',
	    &out->rounds) || out->rounds < 1000))
		return false;
	return crypt_salt_and_hash(s, 16, hash);
}

/* md5-crypt: a thousand rounds of a weak function, cheap to check once. */
static bool
parse_md5(struct str s, struct phc *out)
{
	out->kind = PHC_SHACRYPT;
	out->rounds = 1000;
	return crypt_salt_and_hash(s, 8, 22);
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

uint64_t
phc_scrypt_kib(uint64_t ln, uint32_t r)
{
	return ln < 32 ? ((uint64_t)r << ln) / 8 : UINT64_MAX;
}

/* N, r (5), p (5), salt, '$', 43 characters of hash. */
static bool
parse_scrypt_crypt(struct str s, struct phc *out)
{
	out->kind = PHC_SCRYPT_CRYPT;
	if (s.n == 0 || (out->rounds = crypt64(s.p[0])) == 64)
		return false;
	s = str_slice(s, 1, s.n);
	if (!eat_crypt30(&s, &out->r) || !eat_crypt30(&s, &out->p) ||
	    out->rounds < 1 || out->r < 1 || out->p < 1)
		return false;
	out->memory_kib = phc_scrypt_kib(out->rounds, out->r);
	return crypt_salt_and_hash(s, 86, 43);
}

/*
 * yescrypt: flags, log2 of N less 1, r less 1, a character each; a string with
 * more parameters than crypt_gensalt(3) writes is refused.
 */
static bool
parse_yescrypt(struct str s, struct phc *out)
{
	uint32_t n, r;

	out->kind = PHC_SCRYPT_CRYPT;
	if (s.n < 4 || s.p[0] != 'j' || s.p[3] != '$' ||
	    (n = crypt64(s.p[1])) > 47 || (r = crypt64(s.p[2])) > 47)
		return false;
	out->rounds = n + 1;
	out->r = r + 1;
	out->p = 1;
	out->memory_kib = phc_scrypt_kib(out->rounds, out->r);
	return crypt_salt_and_hash(str_slice(s, 4, s.n), 86, 43);
}

/* phpass: log2 of the rounds, 8 characters of salt, 22 of hash. */
static bool
parse_phpass(struct str s, struct phc *out)
{
	uint32_t rounds = s.n == PHPASS_LEN ? crypt64(s.p[3]) : 64;

	out->kind = PHC_PHPASS;
	out->rounds = UINT64_C(1) << (rounds & 31);
	out->salt = str_slice(s, 4, 12);
	out->hash = str_slice(s, 12, s.n);
	return rounds >= 7 && rounds <= 30 &&
	    is_crypt64(str_slice(s, 4, s.n));
}

bool
phc_parse_crypt(struct str s, struct phc *out)
{
	struct str whole = s;

	/* Django's names of these. */
	if (phc_eat(&s, STR("bcrypt_sha256$")))
		return parse_over_bcrypt(s, PHC_OVER_SHA256_HEX, out);
	if (phc_eat(&s, STR("$wp")))
		return parse_over_bcrypt(s, PHC_OVER_WORDPRESS, out);
	if (phc_eat(&s, STR("$2a$")) || phc_eat(&s, STR("$2b$")) ||
	    phc_eat(&s, STR("$2y$")))
		return parse_bcrypt(whole, out);
	if (phc_eat(&s, STR("$6$")))
		return parse_sha(s, 86, out);
	if (phc_eat(&s, STR("$5$")))
		return parse_sha(s, 43, out);
	if (phc_eat(&s, STR("$1$")))
		return parse_md5(s, out);
	if (phc_eat(&s, STR("$7$")))
		return parse_scrypt_crypt(s, out);
	if (phc_eat(&s, STR("$y$")) || phc_eat(&s, STR("$gy$")))
		return parse_yescrypt(s, out);
	if (phc_eat(&s, STR("$P$")) || phc_eat(&s, STR("$H$")))
		return parse_phpass(whole, out);
	return false;
}
