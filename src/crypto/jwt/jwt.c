#include "crypto/jwt/jwt.h"

#include <sodium.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"

#include "crypto/jwt/jwt_claims.h"

#define SKEW 60 /* seconds, row JW7 */
#define SIGNATURE_MAX 64

static size_t
sign(const struct jwt_key *key, struct str input,
    uint8_t signature[SIGNATURE_MAX])
{
	if (key->alg == JWT_HS256) {
		hmac_sum(&key->mac, &input, 1, signature);
		return HMAC_BYTES;
	}
	crypto_sign_detached(signature, NULL, (const unsigned char *)input.p,
	    input.n, key->secret);
	return 64;
}

/* Write a JSON string; every character that is not plain is escaped. */
static void
add_quoted(struct buf *b, struct str s)
{
	buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20)
			buf_fmt(b, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			buf_fmt(b, "\\%c", c);
		else
			buf_byte(b, (char)c);
	}
	buf_byte(b, '"');
}

static void
add_member(struct buf *b, const char *name, struct str value)
{
	buf_byte(b, b->n ? ',' : '{');
	add_quoted(b, str_of(name));
	buf_byte(b, ':');
	add_quoted(b, value);
}

static struct str
claims_json(struct arena *a, const struct jwt_claims *c)
{
	struct buf b = buf_new(a, LIMIT_JWT);

	add_member(&b, "iss", c->iss);
	add_member(&b, "aud", c->aud);
	add_member(&b, "sub", c->sub);
	add_member(&b, "sid", c->sid);
	add_member(&b, "jti", c->jti);
	buf_fmt(&b, ",\"iat\":%lld,\"exp\":%lld}", (long long)c->iat,
	    (long long)c->exp);
	return b.full ? STR_NONE : buf_str(&b);
}

static const struct jwt_key *
signing_key(const struct jwt_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i].signs)
			return &keys->key[i];
	return NULL;
}

struct str
jwt_sign(struct arena *a, const struct jwt_keys *keys,
    const struct jwt_claims *c)
{
	const struct jwt_key *key = signing_key(keys);
	struct str json = claims_json(a, c);
	struct buf b = buf_new(a, LIMIT_JWT);
	uint8_t signature[SIGNATURE_MAX];
	size_t n;

	if (key == NULL || json.p == NULL)
		return STR_NONE;
	buf_add(&b, (struct str){ key->head, key->head_len });
	buf_byte(&b, '.');
	buf_add(&b, b64url_encode(a, json));
	n = sign(key, buf_str(&b), signature);
	buf_byte(&b, '.');
	buf_add(&b, b64url_encode(a, (struct str){ (char *)signature, n }));
	return b.full ? STR_NONE : buf_str(&b);
}

/* The three parts of a compact token (RFC 7515, 7.1). */
struct parts {
	struct str head, payload, signature;
	struct str signed_text; /* head . payload */
};

static bool
split_token(struct str token, struct parts *out)
{
	struct str rest = token, more;

	if (token.n > LIMIT_JWT || !str_split(&rest, '.', &out->head) ||
	    !str_split(&rest, '.', &out->payload) ||
	    !str_split(&rest, '.', &out->signature) ||
	    str_split(&rest, '.', &more))
		return false;
	out->signed_text = str_slice(token, 0,
	    out->head.n + 1 + out->payload.n);
	return out->head.n && out->payload.n && out->signature.n;
}

static bool
is_alive(const struct jwt_key *key, int64_t now)
{
	return key->not_after == 0 || now < key->not_after / CLOCK_SECOND;
}

/* RFC 7515, 4.1.9: a media type; "application/" may be missing. */
static bool
is_access_typ(struct str typ)
{
	struct str app = STR("application/");

	if (typ.n > app.n && str_eq_nocase(str_slice(typ, 0, app.n), app))
		typ = str_slice(typ, app.n, typ.n);
	return str_eq_nocase(typ, STR("at+jwt"));
}

/* Serves tokens without kid, from services that share the one secret. */
static const struct jwt_key *
only_hs256_key(const struct jwt_keys *keys)
{
	const struct jwt_key *only = NULL;

	for (size_t i = 0; i < keys->n; i++) {
		if (keys->key[i].alg != JWT_HS256)
			continue;
		if (only)
			return NULL;
		only = &keys->key[i];
	}
	return only;
}

static const struct jwt_key *
key_of_kid(const struct jwt_keys *keys, const struct claim *kid)
{
	if (!kid->found)
		return only_hs256_key(keys);
	for (size_t i = 0; i < keys->n; i++)
		if (str_eq(kid->text, str_of(keys->key[i].kid)))
			return &keys->key[i];
	return NULL;
}

/*
 * The key of a header that we did not write. alg must be that of our key record
 * (JW1); crit and zip are refused; jku, x5u, jwk and the like are never read
 * (JW2).
 */
static const struct jwt_key *
key_of_foreign_head(struct arena *a, const struct jwt_keys *keys,
    struct str head)
{
	enum { ALG, TYP, KID, CRIT, ZIP, WANTED };
	struct claim want[WANTED] = {
		[ALG] = { .name = "alg", .kind = CLAIM_STRING },
		[TYP] = { .name = "typ", .kind = CLAIM_STRING },
		[KID] = { .name = "kid", .kind = CLAIM_STRING },
		[CRIT] = { .name = "crit", .kind = CLAIM_ANY },
		[ZIP] = { .name = "zip", .kind = CLAIM_ANY },
	};
	const struct jwt_key *key;
	struct str json;

	if (!b64url_decode(a, head, &json) ||
	    !jwt_claims_read(a, json, want, WANTED) || want[CRIT].found ||
	    want[ZIP].found || !want[TYP].found ||
	    !is_access_typ(want[TYP].text))
		return NULL;
	key = key_of_kid(keys, &want[KID]);
	if (key == NULL || !want[ALG].found ||
	    !str_eq(want[ALG].text, str_of(jwt_key_alg(key))))
		return NULL;
	return key;
}

static const struct jwt_key *
find_key(struct arena *a, const struct jwt_keys *keys, struct str head)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct jwt_key *key = &keys->key[i];

		if (str_eq(head, (struct str){ key->head, key->head_len }))
			return key;
	}
	return key_of_foreign_head(a, keys, head);
}

/* Row JW8. */
static bool
signature_ok(struct arena *a, const struct jwt_key *key, struct str text,
    struct str encoded)
{
	struct str signature;
	uint8_t mac[HMAC_BYTES];

	if (!jwt_decode(a, encoded, &signature) ||
	    signature.n != (key->alg == JWT_HS256 ? HMAC_BYTES : 64))
		return false;
	if (key->alg == JWT_EDDSA)
		return crypto_sign_verify_detached(
		    (const unsigned char *)signature.p,
		    (const unsigned char *)text.p, text.n,
		    key->public_key) == 0;
	hmac_sum(&key->mac, &text, 1, mac);
	return sodium_memcmp(mac, signature.p, sizeof(mac)) == 0;
}

static bool
times_ok(const struct jwt_check *check, const struct jwt_claims *c)
{
	return check->now < c->exp &&
	    c->exp - check->now <= check->max_ttl + SKEW &&
	    c->iat <= check->now + SKEW && c->iat <= c->exp;
}

/* Read and check all claims that an access token must have (row JW3). */
static bool
read_payload(struct arena *a, const struct jwt_check *check, struct str json,
    struct jwt_claims *out)
{
	enum { ISS, AUD, SUB, SID, JTI, IAT, EXP, NBF, WANTED };
	struct claim c[WANTED] = {
		[ISS] = { .name = "iss", .kind = CLAIM_STRING },
		[AUD] = { .name = "aud", .kind = CLAIM_STRING },
		[SUB] = { .name = "sub", .kind = CLAIM_STRING },
		[SID] = { .name = "sid", .kind = CLAIM_STRING },
		[JTI] = { .name = "jti", .kind = CLAIM_STRING },
		[IAT] = { .name = "iat", .kind = CLAIM_INTEGER },
		[EXP] = { .name = "exp", .kind = CLAIM_INTEGER },
		[NBF] = { .name = "nbf", .kind = CLAIM_INTEGER },
	};

	if (!jwt_claims_read(a, json, c, WANTED))
		return false;
	for (int i = 0; i < NBF; i++)
		if (!c[i].found || (c[i].kind == CLAIM_STRING &&
		    c[i].text.n == 0))
			return false;
	if (c[NBF].found && c[NBF].number > check->now + SKEW)
		return false;
	*out = (struct jwt_claims){ .iss = c[ISS].text, .aud = c[AUD].text,
		.sub = c[SUB].text, .sid = c[SID].text, .jti = c[JTI].text,
		.iat = c[IAT].number, .exp = c[EXP].number };
	return times_ok(check, out) && str_eq(out->iss, str_of(check->iss)) &&
	    str_eq(out->aud, str_of(check->aud));
}

enum err
jwt_verify(struct arena *a, const struct jwt_keys *keys,
    const struct jwt_check *check, struct str token, struct jwt_claims *out)
{
	const struct jwt_key *key;
	struct parts parts;
	struct str json;

	if (!split_token(token, &parts))
		return E_TOKEN_INVALID;
	key = find_key(a, keys, parts.head);
	if (key == NULL || !is_alive(key, check->now) ||
	    !signature_ok(a, key, parts.signed_text, parts.signature))
		return E_TOKEN_INVALID;
	if (!jwt_decode(a, parts.payload, &json) ||
	    !read_payload(a, check, json, out))
		return E_TOKEN_INVALID;
	out->until = out->exp;
	if (key->not_after && key->not_after / CLOCK_SECOND < out->until)
		out->until = key->not_after / CLOCK_SECOND;
	return E_OK;
}

bool
jwt_kid_unknown(struct arena *a, const struct jwt_keys *keys,
    struct str token)
{
	struct claim kid = { .name = "kid", .kind = CLAIM_STRING };
	struct str head = str_slice(token, 0, str_find(token, '.')), json;

	for (size_t i = 0; i < keys->n; i++)
		if (str_eq(head, (struct str){ keys->key[i].head,
			keys->key[i].head_len }))
			return false;
	return token.n <= LIMIT_JWT && head.n < token.n &&
	    b64url_decode(a, head, &json) &&
	    jwt_claims_read(a, json, &kid, 1) &&
	    kid.found && key_of_kid(keys, &kid) == NULL;
}
