#include "crypto/hmac.h"

#include <string.h>

/*
 * OpenSSL's EVP_MAC allocates and copies contexts for each text, which takes
 * longer than to hash a token; its SHA-256 alone does not, and starts nothing
 * in a process of plain CGI. It is deprecated since 3.0, not on its way out.
 */
#define OPENSSL_API_COMPAT 0x10101000L
#include <openssl/crypto.h>
#include <openssl/sha.h>

#define BLOCK SHA256_CBLOCK

_Static_assert(sizeof(SHA256_CTX) == HMAC_STATE, "HMAC_STATE");
_Static_assert(SHA256_DIGEST_LENGTH == HMAC_BYTES, "HMAC_BYTES");

static void
begin_state(uint8_t state[HMAC_STATE], const uint8_t key[BLOCK], uint8_t pad)
{
	uint8_t block[BLOCK];
	SHA256_CTX c;

	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	SHA256_Init(&c);
	SHA256_Update(&c, block, BLOCK);
	memcpy(state, &c, sizeof(c));
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(&c, sizeof(c));
}

/* Not by SHA256(), which starts OpenSSL and can fail. */
static void
hash_key(uint8_t block[BLOCK], struct str key)
{
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, key.p, key.n);
	SHA256_Final(block, &c);
	OPENSSL_cleanse(&c, sizeof(c));
}

void
hmac_key(struct hmac *out, struct str key)
{
	uint8_t block[BLOCK] = { 0 };

	if (key.n > BLOCK)
		hash_key(block, key);
	else if (key.n)
		memcpy(block, key.p, key.n);
	begin_state(out->inner, block, 0x36);
	begin_state(out->outer, block, 0x5c);
	OPENSSL_cleanse(block, sizeof(block));
}

void
hmac_wipe(struct hmac *h)
{
	OPENSSL_cleanse(h, sizeof(*h));
}

void
hmac_sum(const struct hmac *h, const struct str *parts, size_t n,
    uint8_t out[HMAC_BYTES])
{
	uint8_t inner[HMAC_BYTES];
	SHA256_CTX c;

	memcpy(&c, h->inner, sizeof(c));
	for (size_t i = 0; i < n; i++)
		SHA256_Update(&c, parts[i].p, parts[i].n);
	SHA256_Final(inner, &c);
	memcpy(&c, h->outer, sizeof(c));
	SHA256_Update(&c, inner, sizeof(inner));
	SHA256_Final(out, &c);
	OPENSSL_cleanse(&c, sizeof(c));
	OPENSSL_cleanse(inner, sizeof(inner));
}
