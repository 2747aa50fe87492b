/*
 * fuzz-sources: src/crypto/jwt/jwt.c src/crypto/jwt/jwt_decode.c
 * src/crypto/hmac.c src/crypto/jwt/jwt_key.c
 * src/crypto/jwt/jwt_claims.c src/base/arena.c src/base/memory.c src/base/buf.c src/base/str.c
 * src/base/clock.c src/base/clock_text.c src/base/encoding.c src/base/log.c src/base/pid.c
 * src/base/json/json.c src/base/json/json_parse.c src/base/json/json_print.c
 */
/* fuzz-libs: libcjson libsodium libcrypto */
/*
 * Tokens of anybody's making (rows JW1 to JW8, CC6). The input is taken as a
 * token, as a payload signed rightly, and as a header before a right payload,
 * so that the readers behind the signature are reached.
 */
#include <stdlib.h>

#include "base/encoding.h"
#include "base/limits.h"

#include "crypto/jwt/jwt.h"
#include "crypto/jwt/jwt_claims.h"

#include <sodium.h>

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char payload[] = "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"u\","
    "\"sid\":\"s\",\"jti\":\"j\",\"iat\":1000,\"exp\":1900}";

static struct str
signed_text(struct arena *a, struct str head, struct str body)
{
	struct str text = arena_fmt(a, "%s.%s", head.p,
	    b64url_encode(a, body).p);
	crypto_auth_hmacsha256_state st;
	uint8_t mac[32];

	crypto_auth_hmacsha256_init(&st, (const uint8_t *)secret,
	    sizeof(secret) - 1);
	crypto_auth_hmacsha256_update(&st, (const uint8_t *)text.p, text.n);
	crypto_auth_hmacsha256_final(&st, mac);
	return arena_fmt(a, "%s.%s", text.p,
	    b64url_encode(a, (struct str){ (char *)mac, 32 }).p);
}

/* What is let through says who and when. */
static void
try(struct arena *a, const struct jwt_keys *keys, struct str token)
{
	static const struct jwt_check check = { "i", "a", 1100, 900 };
	struct jwt_claims c;

	if (jwt_verify(a, keys, &check, token, &c) != E_OK)
		return;
	if (!str_eq(c.iss, STR("i")) || !str_eq(c.aud, STR("a")) ||
	    c.sub.n == 0 || c.sid.n == 0 || c.jti.n == 0 || c.exp <= 1100 ||
	    c.exp > 2060 || token.n > LIMIT_JWT)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena *a;
	static struct jwt_keys keys;
	struct str in = { (const char *)data, n };
	struct str head;

	if (a == NULL) {
		a = arena_new(1 << 20);
		jwt_key_hs256(&keys.key[0],
		    (struct str){ secret, sizeof(secret) - 1 });
		jwt_key_generate(&keys.key[1]);
		keys.n = 2;
	}
	head = (struct str){ keys.key[0].head, keys.key[0].head_len };
	try(a, &keys, in);
	try(a, &keys, signed_text(a, head, in));
	try(a, &keys, signed_text(a, b64url_encode(a, in),
	    (struct str){ payload, sizeof(payload) - 1 }));
	arena_reset(a);
	return 0;
}
