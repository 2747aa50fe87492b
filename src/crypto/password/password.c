#include "crypto/password/password.h"

#include <crypt.h>
#include <errno.h>

#include <sodium.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/unicode.h"

#include "crypto/password/argon_memory.h"
#include "crypto/password/hash_gate.h"
#include "crypto/password/password_match.h"
#include "crypto/password/phc.h"

#define FLOOR_KIB 19456 /* row PW6 */
#define FLOOR_TIME 2
#define FLOOR_KIB_DEVELOPMENT 8192
#define CEILING_KIB (1 << 20)
#define CEILING_TIME 64
#define IMPORT_KIB (128u << 10)

static struct {
	bool bcrypt;
	unsigned long cost;
	uint64_t kib;
	uint64_t time;
	uint64_t import_kib;
} today = { false, 12, FLOOR_KIB, FLOOR_TIME, IMPORT_KIB };

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
	today.import_kib = (uint64_t)c->import_memory;
	return hash_gate_init(str_of(c->runtime_dir));
}

void
password_yield_to(const _Atomic int64_t *at)
{
	hash_gate_yield_to(at);
}

static bool
hash_bcrypt(struct arena *a, struct str password, struct str *out)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	return crypt_gensalt_rn("$2b$", today.cost, NULL, 0, setting,
	    (int)sizeof(setting)) != NULL &&
	    password_match_crypt(a, arena_cstr(a, password), setting, out);
}

static bool
hash_argon2id(struct arena *a, struct str password, struct str *out)
{
	char text[crypto_pwhash_STRBYTES];
	int rc;

	argon_memory_begin();
	rc = crypto_pwhash_str_alg(text, password.p, password.n, today.time,
	    today.kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
	argon_memory_end();
	if (rc != 0)
		return false;
	*out = arena_str(a, str_of(text));
	return true;
}

/* Would this password be hashed with bcrypt now? */
static bool
bcrypt_today(struct str password)
{
	return today.bcrypt && password.n <= PASSWORD_BCRYPT_MAX;
}

static bool
is_hashable(struct str password)
{
	return password.n <= LIMIT_PASSWORD_BYTES && !str_has_nul(password);
}

static enum err
hash_password(struct arena *a, struct str password, struct str *out)
{
	bool ok = bcrypt_today(password) ? hash_bcrypt(a, password, out) :
	    hash_argon2id(a, password, out);

	if (ok)
		return E_OK;
	log_error("password hashing failed", log_i("errno", errno));
	return E_UNAVAILABLE;
}

/* crypto_pwhash needs a pointer even for no bytes. */
static struct str
not_null(struct str s)
{
	return s.p ? s : STR("");
}

enum err
password_hash(struct arena *a, struct str password, struct str *out)
{
	enum err e;

	password = unicode_opaque(a, password);
	if (!is_hashable(password))
		return E_VALIDATION;
	if ((e = hash_gate_take(LIMIT_HASH_WAIT_MS)) != E_OK)
		return e;
	e = hash_password(a, not_null(password), out);
	hash_gate_release();
	return e;
}

static bool
affordable(const struct phc *phc)
{
	const struct phc_caps caps = { today.kib, today.time,
		today.import_kib };

	return phc_affordable(phc, &caps);
}

static bool
is_outdated(const struct phc *phc, struct str password)
{
	if (bcrypt_today(password))
		return phc->kind != PHC_BCRYPT || phc->foreign ||
		    phc->rounds != today.cost;
	return phc->kind != PHC_ARGON2ID || phc->memory_kib != today.kib ||
	    phc->rounds != today.time || phc->p != 1 ||
	    phc->salt.n != crypto_pwhash_SALTBYTES || phc->hash.n != 32;
}

/* Call with the slot held. */
static enum err
compare_hash(struct arena *a, const struct phc *phc, struct str password,
    bool *outdated)
{
	struct str ignored;
	enum err e;

	if (!affordable(phc) || !password_match_possible(phc, password)) {
		e = hash_password(a, password, &ignored);
		return e == E_OK ? E_CREDENTIALS : e;
	}
	e = password_match(a, phc, password);
	if (e == E_OK && outdated)
		*outdated = is_outdated(phc, password);
	return e;
}

/*
 * Tries the form that is hashed now, then the typed text: the stored string may
 * be imported or older than that form. Hashes twice only when the two differ.
 */
static enum err
compare_forms(struct arena *a, const struct phc *phc, struct str password,
    bool *outdated)
{
	struct str form = unicode_opaque(a, password);
	enum err e = compare_hash(a, phc, form, outdated);

	if (e != E_CREDENTIALS || str_eq(form, password))
		return e;
	e = compare_hash(a, phc, password, outdated);
	if (e == E_OK && outdated)
		*outdated = true;
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
	if ((e = hash_gate_take(LIMIT_HASH_WAIT_MS)) != E_OK)
		return e;
	e = compare_forms(a, &phc, not_null(password), outdated);
	hash_gate_release();
	return e;
}

void
password_share(struct str who)
{
	hash_gate_share(who);
}

bool
password_busy(void)
{
	return hash_gate_full();
}

/*
 * The string as we store it: without the name that Django puts before a string
 * that already names its algorithm, and bcrypt as $2y$, which we never make.
 */
static struct str
normal(struct arena *a, struct str s)
{
	static const char *const heads[] = { "bcrypt$$2", "argon2$argon2" };

	for (size_t i = 0; i < 2; i++)
		if (str_starts(s, str_of(heads[i])))
			s = str_slice(s, i ? 6 : 7, s.n);
	if (str_starts(s, STR("$2b$")))
		s = arena_fmt(a, "$2y$%.*s", STR_FMT(str_slice(s, 4, s.n)));
	return s;
}

enum password_import
password_import(struct arena *a, struct str given, struct str *stored)
{
	struct phc phc;

	*stored = STR_NONE;
	if (given.n == 0 || given.p[0] == '!' || given.p[0] == '*')
		return PASSWORD_NONE;
	given = normal(a, given);
	if (!phc_parse(a, given, &phc))
		return phc.malformed ? PASSWORD_MALFORMED : PASSWORD_UNKNOWN;
	if (!affordable(&phc))
		return PASSWORD_COSTLY;
	*stored = given;
	return PASSWORD_TAKEN;
}

void
password_idle(void)
{
	argon_memory_release();
}
