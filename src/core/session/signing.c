#include "core/session/signing.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/seal.h"

#define READ_EVERY (60 * CLOCK_SECOND)
#define READ_AGAIN (1 * CLOCK_SECOND)
#define STAMP 16

/* When this process read the table; the keys before it are configured ones. */
static struct {
	int64_t read_at;
	size_t configured;
	uint8_t stamp[STAMP];
} state;

static void
add_part(crypto_generichash_state *st, struct str part)
{
	uint64_t n = part.n;

	crypto_generichash_update(st, (const uint8_t *)&n, sizeof(n));
	if (part.n)
		crypto_generichash_update(st, (const uint8_t *)part.p,
		    part.n);
}

static void
add_number(crypto_generichash_state *st, int64_t n)
{
	add_part(st, (struct str){ (const char *)&n, sizeof(n) });
}

/* A kid is of its key: of HS256 it is a hash keyed with the secret. */
static void
stamp_keys(const struct config *c, const struct jwt_keys *keys)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, STAMP);
	add_part(&st, str_of(signing_issuer(c)));
	add_part(&st, str_of(c->jwt_audience));
	add_number(&st, c->access_ttl);
	add_part(&st, str_of(c->db_url));
	add_part(&st, str_of(c->db_host));
	add_part(&st, str_of(c->db_name));
	add_number(&st, c->db_port);
	for (size_t i = 0; i < keys->n; i++) {
		add_part(&st, str_of(keys->key[i].kid));
		add_number(&st, keys->key[i].not_after);
	}
	crypto_generichash_final(&st, state.stamp, STAMP);
}

struct str
signing_stamp(void)
{
	return (struct str){ (const char *)state.stamp, STAMP };
}

static void
add_hs256(struct jwt_keys *keys, struct str secret, bool signs)
{
	struct jwt_key *k;

	if (secret.n == 0 || keys->n == JWT_KEYS)
		return;
	k = &keys->key[keys->n++];
	jwt_key_hs256(k, secret);
	k->signs = signs;
}

static bool
configured_eddsa(const struct config *c)
{
	return strcmp(c->jwt_algorithm, "EdDSA") == 0;
}

void
signing_start(const struct config *c, struct jwt_keys *keys)
{
	const char *rest = c->jwt_previous_secrets;
	struct str previous;

	*keys = (struct jwt_keys){ .n = 0 };
	add_hs256(keys, str_of(c->jwt_secret), !configured_eddsa(c));
	while (config_list_next(&rest, &previous))
		add_hs256(keys, previous, false);
	state.configured = keys->n;
	state.read_at = 0;
	stamp_keys(c, keys);
}

/* One row of the table as a key; a key that does not unseal is left out. */
static void
add_row(struct ctx *x, const struct rows *r, size_t i, bool *signs)
{
	const struct signing_key_load_row row = signing_key_load_row(r, i);
	struct jwt_key *k = &x->jwt->key[x->jwt->n];
	struct str kid = row.kid, secret;
	struct str bound = arena_fmt(x->arena, "signing_keys/secret/%.*s",
	    STR_FMT(kid));

	if (x->jwt->n == JWT_KEYS || !str_eq(row.algorithm, STR("EdDSA")))
		return;
	if (unseal(x->arena, x->keys, bound, row.secret,
	    &secret) != E_OK || !jwt_key_eddsa(k, kid, secret)) {
		log_error("signing key does not unseal", log_s("kid", kid));
		return;
	}
	k->not_after = row.verifies_until;
	k->signs = *signs && row.signs_from <= clock_wall();
	if (k->signs)
		*signs = false;
	x->jwt->n++;
}

enum err
signing_refresh(struct ctx *x, bool unknown_kid)
{
	int64_t now = clock_mono();
	bool signs = configured_eddsa(x->config);
	struct rows *r;
	enum err e;

	if (state.read_at && now - state.read_at <
	    (unknown_kid ? READ_AGAIN : READ_EVERY))
		return E_OK;
	/* HS256 alone needs no table. */
	if (!signs && !unknown_kid)
		return E_OK;
	e = db_run(x->db, x->arena, SQL(signing_key_load), &r);
	if (e != E_OK)
		return x->jwt->n ? E_OK : e;
	state.read_at = now;
	x->jwt->n = state.configured;
	for (size_t i = 0; i < r->n; i++)
		add_row(x, r, i, &signs);
	stamp_keys(x->config, x->jwt);
	if (signs)
		log_error("no EdDSA key signs: run posternctl key generate");
	return E_OK;
}

static bool
can_sign(const struct jwt_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i].signs)
			return true;
	return false;
}

enum err
signing_ready(struct ctx *x)
{
	enum err e = signing_refresh(x, false);

	if (e == E_OK && !can_sign(x->jwt))
		e = signing_refresh(x, true);
	return e != E_OK || can_sign(x->jwt) ? e : E_UNAVAILABLE;
}

const char *
signing_issuer(const struct config *c)
{
	if (c->jwt_issuer[0])
		return c->jwt_issuer;
	return c->public_url[0] ? c->public_url : c->name;
}

enum err
signing_verify(struct ctx *x, struct str token, struct jwt_claims *out)
{
	const struct jwt_check check = {
		.iss = signing_issuer(x->config),
		.aud = x->config->jwt_audience,
		.now = clock_wall() / CLOCK_SECOND,
		.max_ttl = x->config->access_ttl / CLOCK_SECOND,
	};

	return jwt_verify(x->arena, x->jwt, &check, token, out);
}
