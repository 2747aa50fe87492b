#include "crypto/password/password_foreign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

bool
password_foreign_input(enum phc_over over, struct str password,
    char out[PASSWORD_FOREIGN_INPUT])
{
	static const char key[] = "wp-sha384";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool ok;

	if (over == PHC_OVER_WORDPRESS)
		ok = HMAC(EVP_sha384(), key, (int)sizeof(key) - 1,
		    (const unsigned char *)password.p, password.n, sum,
		    &n) != NULL;
	else
		ok = EVP_Digest(password.p, password.n, sum, &n, EVP_sha256(),
		    NULL) == 1;
	if (ok && over == PHC_OVER_WORDPRESS)
		sodium_bin2base64(out, PASSWORD_FOREIGN_INPUT, sum, n,
		    sodium_base64_VARIANT_ORIGINAL);
	else if (ok)
		sodium_bin2hex(out, PASSWORD_FOREIGN_INPUT, sum, n);
	sodium_memzero(sum, sizeof(sum));
	return ok;
}

/* sum = MD5(head, password) */
static bool
md5(EVP_MD_CTX *c, struct str head, struct str password,
    unsigned char sum[16])
{
	return EVP_DigestInit_ex(c, EVP_md5(), NULL) == 1 &&
	    EVP_DigestUpdate(c, head.p, head.n) == 1 &&
	    EVP_DigestUpdate(c, password.p, password.n) == 1 &&
	    EVP_DigestFinal_ex(c, sum, NULL) == 1;
}

/* Three bytes to four characters, the lowest bits first. */
static void
encode_phpass(const unsigned char sum[16], char out[PASSWORD_FOREIGN_PHPASS])
{
	static const char itoa64[] =
	    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t n = 0;

	for (size_t i = 0; i < 16; i += 3) {
		uint32_t v = sum[i];

		if (i + 2 < 16)
			v |= (uint32_t)sum[i + 1] << 8 |
			    (uint32_t)sum[i + 2] << 16;
		for (int k = 0; k < 4 && n < PASSWORD_FOREIGN_PHPASS; k++,
		    v >>= 6)
			out[n++] = itoa64[v & 63];
	}
}

bool
password_foreign_phpass(const struct phc *phc, struct str password,
    char out[PASSWORD_FOREIGN_PHPASS])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char sum[16];
	bool ok = c && md5(c, phc->salt, password, sum);

	for (uint64_t i = 0; ok && i < phc->rounds; i++)
		ok = md5(c, (struct str){ (const char *)sum, sizeof(sum) },
		    password, sum);
	EVP_MD_CTX_free(c);
	if (ok)
		encode_phpass(sum, out);
	sodium_memzero(sum, sizeof(sum));
	return ok;
}
