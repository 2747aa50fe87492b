#include "crypto/keyring.h"

#include <string.h>

#include <sodium.h>

#include "base/encoding.h"

#include "crypto/hkdf.h"

#define ROOTS 32     /* versions and older keys of version 0 */
#define DERIVED 64   /* cached derivations: purposes * versions in use */
#define PURPOSE 32   /* bytes, NUL included */

struct root {
	uint8_t key[32];
	uint8_t version;
	bool opens_only; /* derives only "seal" and "audit" */
};

struct derived {
	char purpose[PURPOSE];
	size_t root;
	uint8_t key[32];
};

struct keyring {
	struct root root[ROOTS];
	size_t n;
	uint8_t current;
	struct derived derived[DERIVED];
	size_t nderived;
};

static bool
add_root(struct keyring *k, uint8_t version, const uint8_t key[32],
    bool opens_only)
{
	struct root *r;

	if (k->n == ROOTS)
		return false;
	r = &k->root[k->n++];
	memcpy(r->key, key, sizeof(r->key));
	r->version = version;
	r->opens_only = opens_only;
	return true;
}

static bool
has_version(const struct keyring *k, uint8_t version)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->root[i].version == version)
			return true;
	return false;
}

/* Standard base64 of exactly 32 bytes, padding optional. */
static bool
decode_key(struct str text, uint8_t key[32])
{
	size_t n = 0;
	int variant = text.n == 44 ? sodium_base64_VARIANT_ORIGINAL :
	    sodium_base64_VARIANT_ORIGINAL_NO_PADDING;

	return sodium_base642bin(key, 32, text.p, text.n, NULL, &n, NULL,
	    variant) == 0 && n == 32;
}

/* One "version:base64" of keys.sealing. */
static const char *
add_entry(struct keyring *k, struct str entry)
{
	const char *why = NULL;
	size_t colon = str_find(entry, ':');
	uint8_t key[32];
	long long version;

	if (!str_to_int(str_slice(entry, 0, colon), 1, 255, &version))
		return "keys.sealing: a version is not a number from 1 to 255";
	if (has_version(k, (uint8_t)version))
		return "keys.sealing: a version stands there twice";
	if (!decode_key(str_slice(entry, colon + 1, entry.n), key))
		why = "keys.sealing: a key is not 32 bytes of base64";
	else if (!add_root(k, (uint8_t)version, key, false))
		why = "keys.sealing: more than 32 keys";
	else if (version > k->current)
		k->current = (uint8_t)version;
	sodium_memzero(key, sizeof(key));
	return why;
}

/* The next key; commas and white space separate keys. */
static bool
next_key(struct str *rest, struct str *piece)
{
	size_t n = 0;

	while (rest->n && strchr(", \t\r\n", rest->p[0]))
		*rest = str_slice(*rest, 1, rest->n);
	while (n < rest->n && !strchr(", \t\r\n", rest->p[n]))
		n++;
	*piece = str_slice(*rest, 0, n);
	*rest = str_slice(*rest, n, rest->n);
	return n > 0;
}

static const char *
add_sealing(struct keyring *k, struct str setting)
{
	const char *why;
	struct str piece;

	while (next_key(&setting, &piece))
		if ((why = add_entry(k, piece)) != NULL)
			return why;
	return NULL;
}

static bool
add_shared(struct keyring *k, struct str secret, bool opens_only)
{
	uint8_t key[32];
	bool ok;

	if (secret.n == 0)
		return true;
	hkdf_sha256(secret, STR("postern/root"), STR("version 0"), key,
	    sizeof(key));
	ok = add_root(k, 0, key, opens_only);
	sodium_memzero(key, sizeof(key));
	return ok;
}

/* Version 0: from jwt.secret, then from jwt.previous_secrets. */
static bool
add_version_0(struct keyring *k, const struct config *c, bool opens_only)
{
	struct str rest = str_of(c->jwt_previous_secrets), piece;

	if (!add_shared(k, str_of(c->jwt_secret), opens_only))
		return false;
	while (str_split(&rest, ',', &piece))
		if (!add_shared(k, str_trim(piece), opens_only))
			return false;
	return true;
}

struct keyring *
keyring_new(const struct config *c, const char **why)
{
	struct keyring *k;

	*why = "no memory for keys";
	if (sodium_init() < 0 || (k = sodium_malloc(sizeof(*k))) == NULL)
		return NULL;
	memset(k, 0, sizeof(*k));
	*why = add_sealing(k, str_of(c->sealing_keys));
	if (*why == NULL && !add_version_0(k, c, k->current > 0))
		*why = "jwt.previous_secrets: too many";
	if (*why == NULL && k->n == 0)
		*why = "keys.sealing and jwt.secret are both empty";
	if (*why)
		keyring_free(&k);
	return k;
}

void
keyring_free(struct keyring **k)
{
	sodium_free(*k); /* wipes */
	*k = NULL;
}

uint8_t
keyring_current(const struct keyring *k)
{
	return k->current;
}

static void
derive_from(const struct keyring *k, size_t root, const char *purpose,
    uint8_t out[32])
{
	hkdf_sha256((struct str){ (const char *)k->root[root].key, 32 },
	    STR("postern/1"), str_of(purpose), out, 32);
}

/* Callers do not see the cache, so const is cast away here. */
static void
derive_cached(const struct keyring *k, size_t root, const char *purpose,
    uint8_t out[32])
{
	struct keyring *mutable = (struct keyring *)(uintptr_t)k;
	struct derived *d;

	for (size_t i = 0; i < k->nderived; i++) {
		if (k->derived[i].root == root &&
		    strcmp(k->derived[i].purpose, purpose) == 0) {
			memcpy(out, k->derived[i].key, 32);
			return;
		}
	}
	derive_from(k, root, purpose, out);
	if (k->nderived == DERIVED || strlen(purpose) >= PURPOSE)
		return;
	d = &mutable->derived[mutable->nderived++];
	memcpy(d->purpose, purpose, strlen(purpose) + 1);
	d->root = root;
	memcpy(d->key, out, 32);
}

bool
keyring_derive_nth(const struct keyring *k, uint8_t version, int nth,
    const char *purpose, uint8_t out[32])
{
	for (size_t i = 0; i < k->n; i++) {
		const struct root *r = &k->root[i];

		if (r->version != version || nth-- > 0)
			continue;
		if (r->opens_only && strcmp(purpose, "seal") != 0 &&
		    strcmp(purpose, "audit") != 0)
			return false;
		derive_cached(k, i, purpose, out);
		return true;
	}
	return false;
}

bool
keyring_derive(const struct keyring *k, uint8_t version, const char *purpose,
    uint8_t out[32])
{
	return keyring_derive_nth(k, version, 0, purpose, out);
}
