#include "crypto/password.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/limits.h"
#include "base/log.h"

#include "crypto/hash_memory.h"
#include "crypto/hash_slot.h"
#include "crypto/phc.h"

#define BCRYPT_MAX 72 /* bytes of a password that count */
#define FLOOR_KIB 19456 /* row PW6 */
#define FLOOR_TIME 2
#define FLOOR_KIB_DEVELOPMENT 8192
#define CEILING_KIB (1 << 20)
#define CEILING_TIME 64
#define SCRYPT_ROOM ((uint64_t)256 << 20) /* for OpenSSL; caps are lower */

static struct {
	bool bcrypt;
	unsigned long cost;
	uint64_t kib;
	uint64_t time;
} today = { false, 12, FLOOR_KIB, FLOOR_TIME };

static bool
argon2_in_bounds(const struct config *c)
{
	bool dev = strcmp(c->environment, "development") == 0;

	return c->argon2_memory >= (dev ? FLOOR_KIB_DEVELOPMENT : FLOOR_KIB) &&
	    c->argon2_memory <= CEILING_KIB &&
	    c->argon2_time >= (dev ? 1 : FLOOR_TIME) &&
	    c->argon2_time <= CEILING_TIME;
}

enum err
password_init(const struct config *c)
{
	if (sodium_init() < 0)
		return E_INTERNAL;
	if (!argon2_in_bounds(c)) {
		log_error("password.argon2_memory_kib or "
		    "password.argon2_time is out of bounds",
		    log_i("memory_kib", c->argon2_memory),
		    log_i("time", c->argon2_time));
		return E_INTERNAL;
	}
	if (c->bcrypt_cost < 10 || c->bcrypt_cost > 14) {
		log_error("password.bcrypt_cost is out of bounds",
		    log_i("cost", c->bcrypt_cost));
		return E_INTERNAL;
	}
	today.bcrypt = strcmp(c->password_hash, "bcrypt") == 0;
	today.cost = (unsigned long)c->bcrypt_cost;
	today.kib = (uint64_t)c->argon2_memory;
	today.time = (uint64_t)c->argon2_time;
	return hash_slot_init(str_of(c->runtime_dir));
}

void
password_yield_to(const _Atomic int64_t *at)
{
	hash_slot_yield_to(at);
}

/*
 * crypt(3) with a buffer of its own. False on failure, where out begins
 * with '*'; both buffers of the library are wiped.
 */
static bool
crypt_to(struct arena *a, const char *password, const char *setting,
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

static bool
hash_bcrypt(struct arena *a, struct str password, struct str *out)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	return crypt_gensalt_rn("$2b$", today.cost, NULL, 0, setting,
	    (int)sizeof(setting)) != NULL &&
	    crypt_to(a, arena_cstr(a, password), setting, out);
}

static bool
hash_argon2id(struct arena *a, struct str password, struct str *out)
{
	char text[crypto_pwhash_STRBYTES];
	int rc;

	hash_memory_begin();
	rc = crypto_pwhash_str_alg(text, password.p, password.n, today.time,
	    today.kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
	hash_memory_end();
	if (rc != 0)
		return false;
	*out = arena_str(a, str_of(text));
	return true;
}

/* The algorithm of today for this password. */
static bool
bcrypt_today(struct str password)
{
	return today.bcrypt && password.n <= BCRYPT_MAX;
}

static bool
is_hashable(struct str password)
{
	return password.n <= LIMIT_PASSWORD_BYTES && !str_has_nul(password);
}

static enum err
hash(struct arena *a, struct str password, struct str *out)
{
	bool ok = bcrypt_today(password) ? hash_bcrypt(a, password, out) :
	    hash_argon2id(a, password, out);

	if (ok)
		return E_OK;
	log_error("password hashing failed", log_i("errno", errno));
	return E_UNAVAILABLE;
}

/* crypto_pwhash wants a pointer even for no bytes. */
static struct str
not_null(struct str s)
{
	return s.p ? s : STR("");
}

enum err
password_hash(struct arena *a, struct str password, struct str *out)
{
	enum err e;

	if (!is_hashable(password))
		return E_VALIDATION;
	if ((e = hash_slot_take(LIMIT_HASH_WAIT_MS)) != E_OK)
		return e;
	e = hash(a, not_null(password), out);
	hash_slot_release();
	return e;
}

/*
 * A host without memory must not count as a wrong password, which would lock
 * accounts: what fails otherwise than by mismatch is E_UNAVAILABLE.
 */
static enum err
not_computed(void)
{
	log_error("password comparison failed", log_i("errno", errno));
	return E_UNAVAILABLE;
}

static enum err
answer(bool same)
{
	return same ? E_OK : E_CREDENTIALS;
}

/*
 * crypto_pwhash_str_verify() says "mismatch" for want of memory too, so a
 * string of the shape libsodium itself writes is computed and compared here.
 */
static enum err
verify_own_argon2id(const struct phc *phc, struct str password)
{
	unsigned char got[PHC_HASH_MAX];
	int rc;

	hash_memory_begin();
	rc = crypto_pwhash(got, phc->hash.n, password.p, password.n,
	    (const unsigned char *)phc->salt.p, phc->rounds,
	    phc->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
	hash_memory_end();
	if (rc != 0)
		return not_computed();
	rc = sodium_memcmp(got, phc->hash.p, phc->hash.n);
	sodium_memzero(got, sizeof(got));
	return answer(rc == 0);
}

static enum err
verify_argon2id(const struct phc *phc, struct str password)
{
	int rc;

	if (phc->p == 1 && phc->salt.n == crypto_pwhash_SALTBYTES)
		return verify_own_argon2id(phc, password);
	hash_memory_begin();
	rc = crypto_pwhash_str_verify(phc->text, password.p, password.n);
	hash_memory_end();
	return answer(rc == 0);
}

static enum err
verify_crypt(struct arena *a, const struct phc *phc, struct str password)
{
	struct str got;

	if (!crypt_to(a, arena_cstr(a, password), phc->text, &got))
		return not_computed();
	return answer(got.n == strlen(phc->text) &&
	    sodium_memcmp(got.p, phc->text, got.n) == 0);
}

static enum err
verify_derived(struct arena *a, const struct phc *phc, struct str password)
{
	const unsigned char *salt = (const unsigned char *)phc->salt.p;
	unsigned char *got = arena_alloc(a, phc->hash.n);
	int ok;

	if (phc->kind == PHC_SCRYPT)
		ok = EVP_PBE_scrypt(password.p, password.n, salt, phc->salt.n,
		    UINT64_C(1) << phc->rounds, phc->r, phc->p, SCRYPT_ROOM,
		    got, phc->hash.n);
	else
		ok = PKCS5_PBKDF2_HMAC(password.p, (int)password.n, salt,
		    (int)phc->salt.n, (int)phc->rounds,
		    phc->sha == 512 ? EVP_sha512() : EVP_sha256(),
		    (int)phc->hash.n, got);
	if (ok != 1)
		return not_computed();
	return answer(sodium_memcmp(got, phc->hash.p, phc->hash.n) == 0);
}

/* Known, affordable, and of a kind that looks at the whole password. */
static bool
can_match(const struct phc *phc, struct str password)
{
	return phc_affordable(phc, today.kib, today.time) &&
	    !(phc->kind == PHC_BCRYPT && password.n > BCRYPT_MAX);
}

static enum err
match(struct arena *a, const struct phc *phc, struct str password)
{
	switch (phc->kind) {
	case PHC_ARGON2ID:
		return verify_argon2id(phc, password);
	case PHC_BCRYPT:
	case PHC_SHA512CRYPT:
	case PHC_SCRYPT_CRYPT:
		return verify_crypt(a, phc, password);
	case PHC_SCRYPT:
	case PHC_PBKDF2:
		return verify_derived(a, phc, password);
	default:
		return E_CREDENTIALS;
	}
}

static bool
is_outdated(const struct phc *phc, struct str password)
{
	if (bcrypt_today(password))
		return phc->kind != PHC_BCRYPT || phc->rounds != today.cost;
	return phc->kind != PHC_ARGON2ID || phc->memory_kib != today.kib ||
	    phc->rounds != today.time || phc->p != 1 ||
	    phc->salt.n != crypto_pwhash_SALTBYTES || phc->hash.n != 32;
}

/* With the slot held. */
static enum err
compare(struct arena *a, const struct phc *phc, struct str password,
    bool *outdated)
{
	struct str ignored;
	enum err e;

	if (!can_match(phc, password)) {
		e = hash(a, password, &ignored);
		return e == E_OK ? E_CREDENTIALS : e;
	}
	e = match(a, phc, password);
	if (e == E_OK && outdated)
		*outdated = is_outdated(phc, password);
	return e;
}

enum err
password_verify(struct arena *a, struct str password, struct str stored,
    bool *outdated)
{
	struct phc phc;
	enum err e;

	if (outdated)
		*outdated = false;
	if (!is_hashable(password))
		return E_CREDENTIALS;
	phc_parse(a, stored, &phc);
	if ((e = hash_slot_take(LIMIT_HASH_WAIT_MS)) != E_OK)
		return e;
	e = compare(a, &phc, not_null(password), outdated);
	hash_slot_release();
	return e;
}

void
password_share(struct str who)
{
	hash_slot_share(who);
}

bool
password_busy(void)
{
	return hash_slot_full();
}

bool
password_importable(struct str stored)
{
	struct arena *a = arena_new(0);
	struct phc phc;
	bool ok = phc_parse(a, stored, &phc) &&
	    phc_affordable(&phc, today.kib, today.time);

	arena_free(&a);
	return ok;
}

void
password_idle(void)
{
	hash_memory_release();
}
