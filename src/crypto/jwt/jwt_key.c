#include "base/text.h"
#include "crypto/jwt/jwt.h"

#include <stdio.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/encoding.h"
#include "base/limits.h"

static const char *const alg_names[] = {
	[JWT_HS256] = "HS256",
	[JWT_EDDSA] = "EdDSA",
};

const char *
jwt_key_alg(const struct jwt_key *key)
{
	return alg_names[key->alg];
}

/* The header of our own tokens, made once. */
static void
make_head(struct jwt_key *key)
{
	char json[96];
	int n = snprintf(json, sizeof(json),
	    "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
	    alg_names[key->alg], key->kid);

	sodium_bin2base64(key->head, sizeof(key->head),
	    (const unsigned char *)json, (size_t)n,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	key->head_len = strlen(key->head);
}

/* The kid: prefix and 16 hex of hash. */
static void
make_kid(struct jwt_key *key, const char *prefix, const uint8_t hash[32])
{
	char hex[17];

	sodium_bin2hex(hex, sizeof(hex), hash, 8);
	snprintf(key->kid, sizeof(key->kid), "%s%s", prefix, hex);
	make_head(key);
}

void
jwt_key_hs256(struct jwt_key *out, struct str secret)
{
	static const char label[] = "postern kid"; /* with its NUL */
	const struct str text = { label, sizeof(label) };
	uint8_t hash[HMAC_BYTES];

	*out = (struct jwt_key){ .alg = JWT_HS256 };
	hmac_key(&out->mac, secret);
	hmac_sum(&out->mac, &text, 1, hash);
	make_kid(out, "hs-", hash);
}

/* RFC 7638, 3: the hash of the required members in order. */
static void
kid_of_public(struct jwt_key *key)
{
	char x[64], json[128];
	uint8_t hash[32];
	int n;

	sodium_bin2base64(x, sizeof(x), key->public_key, 32,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	n = snprintf(json, sizeof(json),
	    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
	crypto_hash_sha256(hash, (const unsigned char *)json, (size_t)n);
	make_kid(key, "ed-", hash);
}

void
jwt_key_generate(struct jwt_key *out)
{
	*out = (struct jwt_key){ .alg = JWT_EDDSA };
	crypto_sign_keypair(out->public_key, out->secret);
	kid_of_public(out);
}

/* Only letters, digits, '-' and '_', which JSON need not escape? */
static bool
is_kid(struct str kid)
{
	return kid.n > 0 && kid.n < sizeof(((struct jwt_key *)0)->kid) &&
	    text_only(kid, "-_");
}

bool
jwt_key_eddsa(struct jwt_key *out, struct str kid, struct str secret)
{
	if (!is_kid(kid) || secret.n != sizeof(out->secret))
		return false;
	*out = (struct jwt_key){ .alg = JWT_EDDSA };
	memcpy(out->kid, kid.p, kid.n);
	memcpy(out->secret, secret.p, secret.n);
	memcpy(out->public_key, secret.p + 32, 32);
	make_head(out);
	return true;
}

struct str
jwt_jwks(struct arena *a, const struct jwt_keys *keys)
{
	struct buf b = buf_new(a, LIMIT_JWT);
	const char *comma = "";

	buf_add(&b, STR("{\"keys\":["));
	for (size_t i = 0; i < keys->n; i++) {
		const struct jwt_key *key = &keys->key[i];

		if (key->alg != JWT_EDDSA)
			continue;
		buf_fmt(&b, "%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
		    "\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"%s\","
		    "\"x\":\"%s\"}", comma, key->kid, b64url_encode(a,
		    (struct str){ (const char *)key->public_key, 32 }).p);
		comma = ",";
	}
	buf_add(&b, STR("]}"));
	return buf_str(&b);
}
