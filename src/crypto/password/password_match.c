#include "crypto/password/password_match.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/log.h"
#include "crypto/password/argon_memory.h"
#include "crypto/password/password_foreign.h"

#define ARGON2I_PASSES 3 /* with fewer, libsodium only verifies */

bool
password_match_crypt(struct arena *a, const char *password, const char *setting,
    struct str *out)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *text;
	bool ok;

	if (data == NULL)
		return false;
	text = crypt_rn(password, setting, data, (int)sizeof(*data));
	ok = text != NULL && text[0] != '*';
	if (ok)
		*out = arena_str(a, str_of(text));
	sodium_memzero(data, sizeof(*data));
	free(data);
	return ok;
}

/*
 * A lack of memory must not count as a wrong password, which would lock
 * accounts: every failure but a mismatch is E_UNAVAILABLE.
 */
static enum err
not_computed(void)
{
	log_error("password comparison failed", log_i("errno", errno));
	return E_UNAVAILABLE;
}

static enum err
err_of_match(bool same)
{
	return same ? E_OK : E_CREDENTIALS;
}

/*
 * crypto_pwhash_str_verify() also says "mismatch" when memory is short, so this
 * computes and compares a string of the shape that libsodium itself writes.
 */
static enum err
verify_own_argon2(const struct phc *phc, struct str password, int algorithm)
{
	unsigned char got[PHC_HASH_MAX];
	int rc;

	argon_memory_begin();
	rc = crypto_pwhash(got, phc->hash.n, password.p, password.n,
	    (const unsigned char *)phc->salt.p, phc->rounds,
	    phc->memory_kib * 1024, algorithm);
	argon_memory_end();
	if (rc != 0)
		return not_computed();
	rc = sodium_memcmp(got, phc->hash.p, phc->hash.n);
	sodium_memzero(got, sizeof(got));
	return err_of_match(rc == 0);
}

static enum err
verify_argon2(const struct phc *phc, struct str password)
{
	bool i = phc->kind == PHC_ARGON2I;
	int rc;

	if (phc->p == 1 && phc->salt.n == crypto_pwhash_SALTBYTES &&
	    (!i || phc->rounds >= ARGON2I_PASSES))
		return verify_own_argon2(phc, password, i ?
		    crypto_pwhash_ALG_ARGON2I13 :
		    crypto_pwhash_ALG_ARGON2ID13);
	argon_memory_begin();
	rc = crypto_pwhash_str_verify(phc->text, password.p, password.n);
	argon_memory_end();
	return err_of_match(rc == 0);
}

static enum err
verify_crypt(struct arena *a, const struct phc *phc, const char *password)
{
	struct str got;

	if (!password_match_crypt(a, password, phc->crypt, &got))
		return not_computed();
	return err_of_match(got.n == strlen(phc->crypt) &&
	    sodium_memcmp(got.p, phc->crypt, got.n) == 0);
}

static enum err
verify_bcrypt(struct arena *a, const struct phc *phc, struct str password)
{
	char input[PASSWORD_FOREIGN_INPUT];
	enum err e;

	if (phc->over == PHC_OVER_NOTHING)
		return verify_crypt(a, phc, arena_cstr(a,
		    str_slice(password, 0, PASSWORD_BCRYPT_MAX)));
	if (!password_foreign_input(phc->over, password, input))
		return not_computed();
	e = verify_crypt(a, phc, input);
	sodium_memzero(input, sizeof(input));
	return e;
}

static enum err
verify_phpass(const struct phc *phc, struct str password)
{
	char got[PASSWORD_FOREIGN_PHPASS];

	if (!password_foreign_phpass(phc, password, got))
		return not_computed();
	return err_of_match(sodium_memcmp(got, phc->hash.p, sizeof(got)) == 0);
}

/* OpenSSL demands a bound; our caps are tighter. */
static bool
scrypt(const struct phc *phc, struct str password, unsigned char *got)
{
	return EVP_PBE_scrypt(password.p, password.n,
	    (const unsigned char *)phc->salt.p, phc->salt.n,
	    UINT64_C(1) << phc->rounds, phc->r, phc->p,
	    phc->memory_kib * 2048 + ((uint64_t)1 << 20), got,
	    phc->hash.n) == 1;
}

static bool
pbkdf2(const struct phc *phc, struct str password, unsigned char *got)
{
	const EVP_MD *md = phc->sha == 512 ? EVP_sha512() :
	    phc->sha == 256 ? EVP_sha256() : EVP_sha1();

	return PKCS5_PBKDF2_HMAC(password.p, (int)password.n,
	    (const unsigned char *)phc->salt.p, (int)phc->salt.n,
	    (int)phc->rounds, md, (int)phc->hash.n, got) == 1;
}

static enum err
verify_derived(struct arena *a, const struct phc *phc, struct str password)
{
	unsigned char *got = arena_alloc(a, phc->hash.n);

	if (!(phc->kind == PHC_SCRYPT ? scrypt : pbkdf2)(phc, password, got))
		return not_computed();
	return err_of_match(sodium_memcmp(got, phc->hash.p, phc->hash.n) == 0);
}

bool
password_match_possible(const struct phc *phc, struct str password)
{
	switch (phc->kind) {
	case PHC_UNKNOWN:
		return false;
	case PHC_BCRYPT:
		return phc->foreign || password.n <= PASSWORD_BCRYPT_MAX;
	case PHC_SHACRYPT:
	case PHC_SCRYPT_CRYPT:
		return password.n < CRYPT_MAX_PASSPHRASE_SIZE;
	default:
		return true;
	}
}

enum err
password_match(struct arena *a, const struct phc *phc, struct str password)
{
	switch (phc->kind) {
	case PHC_ARGON2ID:
	case PHC_ARGON2I:
		return verify_argon2(phc, password);
	case PHC_BCRYPT:
		return verify_bcrypt(a, phc, password);
	case PHC_SHACRYPT:
	case PHC_SCRYPT_CRYPT:
		return verify_crypt(a, phc, arena_cstr(a, password));
	case PHC_PHPASS:
		return verify_phpass(phc, password);
	case PHC_SCRYPT:
	case PHC_PBKDF2:
		return verify_derived(a, phc, password);
	default:
		return E_CREDENTIALS;
	}
}
