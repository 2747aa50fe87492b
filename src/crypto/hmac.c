#include "crypto/hmac.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/log.h"

/* Fetched once: the look-up takes longer than to hash a short text. */
static EVP_MAC *algorithm;

static _Noreturn void
broken(void)
{
	log_error("HMAC-SHA-256 does not work", log_c("what", "OpenSSL"));
	exit(70);
}

struct hmac *
hmac_new(struct str key)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
		    digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *c;

	if (algorithm == NULL)
		algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	c = EVP_MAC_CTX_new(algorithm);
	if (c == NULL || !EVP_MAC_init(c, (const unsigned char *)key.p, key.n,
	    params))
		broken();
	return (struct hmac *)c;
}

void
hmac_free(struct hmac **h)
{
	EVP_MAC_CTX_free((EVP_MAC_CTX *)*h);
	*h = NULL;
}

void
hmac_sum(struct hmac *h, const struct str *parts, size_t n,
    uint8_t out[HMAC_BYTES])
{
	EVP_MAC_CTX *c = (EVP_MAC_CTX *)h;
	size_t room;
	/* NULL: begin a new text with the key that c already has. */
	bool fine = EVP_MAC_init(c, NULL, 0, NULL);

	for (size_t i = 0; fine && i < n; i++)
		fine = EVP_MAC_update(c, (const unsigned char *)parts[i].p,
		    parts[i].n);
	if (!fine || !EVP_MAC_final(c, out, &room, HMAC_BYTES) ||
	    room != HMAC_BYTES)
		broken();
}
