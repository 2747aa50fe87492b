/* Access tokens: rows JW1 to JW8. The file under test is compiled in here. */
#include "src/crypto/jwt/jwt.c"

#include "tests/unit/unit.h"

#define ISS "https://auth.example"

static const struct jwt_check check = { ISS, "postern", 1100, 900 };
static struct jwt_keys keys;

static struct jwt_claims
claims(void)
{
	return (struct jwt_claims){ .iss = STR(ISS), .aud = STR("postern"),
		.sub = STR("user-1"), .sid = STR("session-1"),
		.jti = STR("jti-1"), .iat = 1000, .exp = 1900 };
}

static void
start(void)
{
	memset(&keys, 0, sizeof(keys));
	jwt_key_hs256(&keys.key[0], STR("0123456789abcdef0123456789abcdef"));
	keys.key[0].signs = true;
	keys.n = 1;
}

static void
start_eddsa(void)
{
	memset(&keys, 0, sizeof(keys));
	jwt_key_generate(&keys.key[0]);
	keys.key[0].signs = true;
	keys.n = 1;
}

/* head and payload as given, signed rightly with the first key. */
static struct str
forge(const char *head, const char *payload)
{
	struct str text = arena_fmt(a, "%s.%s",
	    b64url_encode(a, str_of(head)).p,
	    b64url_encode(a, str_of(payload)).p);
	uint8_t signature[SIGNATURE_MAX];
	size_t n = sign(&keys.key[0], text, signature);

	return arena_fmt(a, "%s.%s", text.p,
	    b64url_encode(a, (struct str){ (char *)signature, n }).p);
}

static const char *
head_with(const char *more)
{
	return arena_fmt(a, "{\"alg\":\"%s\",\"typ\":\"at+jwt\","
	    "\"kid\":\"%s\"%s}", jwt_key_alg(&keys.key[0]),
	    keys.key[0].kid, more).p;
}

#define STRINGS "\"iss\":\"" ISS "\",\"aud\":\"postern\",\"sub\":\"u\"," \
	"\"sid\":\"s\",\"jti\":\"j\""
#define GOOD "{" STRINGS ",\"iat\":1000,\"exp\":1900}"

static enum err
verify(struct str token)
{
	struct jwt_claims out;

	return jwt_verify(a, &keys, &check, token, &out);
}

static enum err
verify_payload(const char *payload)
{
	return verify(forge(head_with(""), payload));
}

START_TEST(hs256_gives_the_answer_of_rfc_7515)
{
	struct str secret;
	struct jwt_key key;
	struct str text = STR("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
	    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
	    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ");

	start();
	ck_assert(b64url_decode(a, STR("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-Est"
	    "JQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"), &secret));
	jwt_key_hs256(&key, secret);
	ck_assert(signature_ok(a, &key, text,
	    STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
	ck_assert(!signature_ok(a, &key, text,
	    STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl")));
}
END_TEST

START_TEST(eddsa_gives_the_answer_of_rfc_8037)
{
	struct str d, x, secret;
	struct jwt_key key;
	uint8_t signature[SIGNATURE_MAX];
	struct str text = STR("eyJhbGciOiJFZERTQSJ9."
	    "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
	struct str want = STR("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbh"
	    "ijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");

	start();
	ck_assert(b64url_decode(a,
	    STR("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"), &d));
	ck_assert(b64url_decode(a,
	    STR("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), &x));
	secret = (struct str){ arena_alloc(a, 64), 64 };
	memcpy((char *)(uintptr_t)secret.p, d.p, 32);
	memcpy((char *)(uintptr_t)secret.p + 32, x.p, 32);
	ck_assert(jwt_key_eddsa(&key, STR("k1"), secret));
	ck_assert_int_eq(sign(&key, text, signature), 64);
	ck_assert(str_eq(b64url_encode(a,
	    (struct str){ (char *)signature, 64 }), want));
	ck_assert(signature_ok(a, &key, text, want));
}
END_TEST

START_TEST(what_was_signed_verifies)
{
	struct jwt_claims c = claims(), out;

	for (int eddsa = 0; eddsa < 2; eddsa++) {
		if (eddsa)
			start_eddsa();
		else
			start();
		ck_assert_int_eq(jwt_verify(a, &keys, &check,
		    jwt_sign(a, &keys, &c), &out), E_OK);
		ck_str(out.iss, ISS);
		ck_str(out.aud, "postern");
		ck_str(out.sub, "user-1");
		ck_str(out.sid, "session-1");
		ck_str(out.jti, "jti-1");
		ck_assert_int_eq(out.iat, 1000);
		ck_assert_int_eq(out.exp, 1900);
	}
}
END_TEST

START_TEST(a_public_key_is_enough_to_verify_and_a_kid_names_it)
{
	struct jwt_claims c = claims();
	struct str t;

	start_eddsa();
	t = jwt_sign(a, &keys, &c);
	memset(keys.key[0].secret, 0, sizeof(keys.key[0].secret));
	ck_assert_int_eq(verify(t), E_OK);
	keys.key[0].signs = false;
	ck_assert_ptr_null(jwt_sign(a, &keys, &c).p);
	ck_assert(str_starts(str_of(keys.key[0].kid), STR("ed-")));
	ck_assert_int_eq(strlen(keys.key[0].kid), 19);
}
END_TEST

/* Rows JW6 and JW8. */
START_TEST(every_changed_character_is_refused)
{
	struct jwt_claims c = claims();
	struct str t;

	start();
	t = jwt_sign(a, &keys, &c);
	for (size_t i = 0; i < t.n; i++) {
		struct str copy = arena_str(a, t);
		char *at = (char *)(uintptr_t)copy.p + i;

		*at = *at == 'A' ? 'B' : 'A';
		ck_assert_int_eq(verify(copy), E_TOKEN_INVALID);
		ck_assert_int_eq(verify(str_slice(t, 0, i)), E_TOKEN_INVALID);
	}
	ck_assert_int_eq(verify(arena_fmt(a, "%s=", t.p)), E_TOKEN_INVALID);
	ck_assert_int_eq(verify(arena_fmt(a, "%s.", t.p)), E_TOKEN_INVALID);
	ck_assert_int_eq(verify(arena_fmt(a, " %s", t.p)), E_TOKEN_INVALID);
	ck_assert_int_eq(verify(STR_NONE), E_TOKEN_INVALID);
}
END_TEST

/* Row JW1. */
START_TEST(the_algorithm_comes_from_the_key_and_not_from_the_token)
{
	static const char *const algs[] = { "none", "None", "NONE", "nOnE",
		"HS384", "hs256", "EdDSA", "RS256", "" };
	struct str text;

	start();
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		const char *head = arena_fmt(a, "{\"alg\":\"%s\",\"typ\":"
		    "\"at+jwt\",\"kid\":\"%s\"}", algs[i],
		    keys.key[0].kid).p;

		ck_assert_int_eq(verify(forge(head, GOOD)), E_TOKEN_INVALID);
		text = arena_fmt(a, "%s.%s.",
		    b64url_encode(a, str_of(head)).p,
		    b64url_encode(a, STR(GOOD)).p);
		ck_assert_int_eq(verify(text), E_TOKEN_INVALID);
	}
	/* A public key is no HMAC secret. */
	start_eddsa();
	struct jwt_key mac;

	jwt_key_hs256(&mac,
	    (struct str){ (char *)keys.key[0].public_key, 32 });
	memcpy(mac.kid, keys.key[0].kid, sizeof(mac.kid));
	struct jwt_key real = keys.key[0];

	keys.key[0] = mac;
	text = forge(head_with(""), GOOD);
	ck_assert_int_eq(verify(text), E_OK);
	keys.key[0] = real;
	ck_assert_int_eq(verify(text), E_TOKEN_INVALID);
}
END_TEST

/* Row JW2. */
START_TEST(crit_and_zip_are_refused_and_foreign_keys_not_looked_at)
{
	start();
	ck_assert_int_eq(verify(forge(head_with(""), GOOD)), E_OK);
	ck_assert_int_eq(verify(forge(head_with(",\"crit\":[\"exp\"]"), GOOD)),
	    E_TOKEN_INVALID);
	ck_assert_int_eq(verify(forge(head_with(",\"zip\":\"DEF\""), GOOD)),
	    E_TOKEN_INVALID);
	ck_assert_int_eq(verify(forge(head_with(",\"jku\":\"http://x\","
	    "\"jwk\":{\"kty\":\"oct\",\"k\":[1,2.5e3,null,true]}"), GOOD)),
	    E_OK);
	ck_assert_int_eq(verify(forge(head_with(",\"alg\":\"HS256\""), GOOD)),
	    E_TOKEN_INVALID);
}
END_TEST

/* Row JW3. */
START_TEST(only_an_access_token_is_one)
{
	const char *kid;

	start();
	kid = keys.key[0].kid;
	ck_assert_int_eq(verify(forge(arena_fmt(a, "{\"alg\":\"HS256\","
	    "\"kid\":\"%s\"}", kid).p, GOOD)), E_TOKEN_INVALID);
	ck_assert_int_eq(verify(forge(arena_fmt(a, "{\"alg\":\"HS256\",\"typ\":"
	    "\"JWT\",\"kid\":\"%s\"}", kid).p, GOOD)), E_TOKEN_INVALID);
	ck_assert_int_eq(verify(forge(arena_fmt(a, "{\"alg\":\"HS256\",\"typ\":"
	    "\"application/AT+JWT\",\"kid\":\"%s\"}", kid).p, GOOD)), E_OK);
}
END_TEST

START_TEST(a_token_without_kid_needs_a_single_hs256_key)
{
	const char *head = "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}";

	start();
	ck_assert_int_eq(verify(forge(head, GOOD)), E_OK);
	jwt_key_generate(&keys.key[1]);
	keys.n = 2;
	ck_assert_int_eq(verify(forge(head, GOOD)), E_OK);
	jwt_key_hs256(&keys.key[1], STR("another secret of 32 or more bytes"));
	ck_assert_int_eq(verify(forge(head, GOOD)), E_TOKEN_INVALID);
	ck_assert_int_eq(verify(forge(head_with(""), GOOD)), E_OK);
}
END_TEST

/* Row JW5. */
START_TEST(an_old_key_verifies_until_its_end)
{
	struct jwt_claims c = claims();
	struct str t;

	start();
	t = jwt_sign(a, &keys, &c);
	jwt_key_hs256(&keys.key[1], STR("another secret of 32 or more bytes"));
	keys.key[1].signs = true;
	keys.key[0].signs = false;
	keys.n = 2;
	ck_assert_int_eq(verify(t), E_OK);
	ck_assert_int_eq(verify(jwt_sign(a, &keys, &c)), E_OK);
	keys.key[0].not_after = 1100 * CLOCK_SECOND;
	ck_assert_int_eq(verify(t), E_TOKEN_INVALID);
	keys.key[0].not_after = 1101 * CLOCK_SECOND;
	ck_assert_int_eq(verify(t), E_OK);
	keys.key[0] = keys.key[1];
	keys.n = 1;
	ck_assert_int_eq(verify(t), E_TOKEN_INVALID);
}
END_TEST

START_TEST(every_claim_is_required_and_compared)
{
	static const char *const bad[] = {
		"{\"aud\":\"postern\",\"sub\":\"u\",\"sid\":\"s\","
		"\"jti\":\"j\",\"iat\":1000,\"exp\":1900}",
		"{\"iss\":\"" ISS "\",\"sub\":\"u\",\"sid\":\"s\","
		"\"jti\":\"j\",\"iat\":1000,\"exp\":1900}",
		"{\"iss\":\"" ISS "\",\"aud\":\"postern\",\"sid\":\"s\","
		"\"jti\":\"j\",\"iat\":1000,\"exp\":1900}",
		"{\"iss\":\"" ISS "\",\"aud\":\"postern\",\"sub\":\"u\","
		"\"jti\":\"j\",\"iat\":1000,\"exp\":1900}",
		"{\"iss\":\"" ISS "\",\"aud\":\"postern\",\"sub\":\"u\","
		"\"sid\":\"s\",\"iat\":1000,\"exp\":1900}",
		"{" STRINGS ",\"exp\":1900}",
		"{" STRINGS ",\"iat\":1000}",
		"{\"iss\":\"" ISS "\",\"aud\":\"other\",\"sub\":\"u\","
		"\"sid\":\"s\",\"jti\":\"j\",\"iat\":1000,\"exp\":1900}",
		"{\"iss\":\"" ISS "/\",\"aud\":\"postern\",\"sub\":\"u\","
		"\"sid\":\"s\",\"jti\":\"j\",\"iat\":1000,\"exp\":1900}",
		"{\"iss\":\"" ISS "\",\"aud\":\"postern\",\"sub\":\"\","
		"\"sid\":\"s\",\"jti\":\"j\",\"iat\":1000,\"exp\":1900}",
		"{\"iss\":\"" ISS "\",\"aud\":\"postern\",\"sub\":7,"
		"\"sid\":\"s\",\"jti\":\"j\",\"iat\":1000,\"exp\":1900}",
	};

	start();
	ck_assert_int_eq(verify_payload(GOOD), E_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(verify_payload(bad[i]) == E_TOKEN_INVALID,
		    "%s", bad[i]);
}
END_TEST

/* Row JW7: now is 1100, a token lives 900 at most. */
START_TEST(times_out_of_range_are_refused)
{
	static const struct { const char *times; enum err want; } t[] = {
		{ "\"iat\":1000,\"exp\":1101", E_OK },
		{ "\"iat\":1000,\"exp\":1100", E_TOKEN_INVALID },
		{ "\"iat\":1160,\"exp\":1900", E_OK },
		{ "\"iat\":1161,\"exp\":1900", E_TOKEN_INVALID },
		{ "\"iat\":1000,\"exp\":2060", E_OK },
		{ "\"iat\":1000,\"exp\":2061", E_TOKEN_INVALID },
		{ "\"iat\":1000,\"exp\":9007199254740991", E_TOKEN_INVALID },
		{ "\"iat\":1000,\"exp\":9007199254740992", E_TOKEN_INVALID },
		{ "\"iat\":1000,\"exp\":1900.0", E_TOKEN_INVALID },
		{ "\"iat\":1000,\"exp\":19e2", E_TOKEN_INVALID },
		{ "\"iat\":-1,\"exp\":1900", E_TOKEN_INVALID },
		{ "\"iat\":-0,\"exp\":1900", E_TOKEN_INVALID },
		{ "\"iat\":1000,\"exp\":\"1900\"", E_TOKEN_INVALID },
		{ "\"iat\":1000,\"exp\":1900,\"nbf\":1160", E_OK },
		{ "\"iat\":1000,\"exp\":1900,\"nbf\":1161", E_TOKEN_INVALID },
	};

	start();
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ck_assert_msg(verify_payload(arena_fmt(a, "{" STRINGS ",%s}",
		    t[i].times).p) == t[i].want, "%s", t[i].times);
}
END_TEST

/* Row JW6. */
START_TEST(the_json_of_a_token_is_strict)
{
	static const struct { const char *more; enum err want; } t[] = {
		{ "\"x\":[[[[[[[1]]]]]]]", E_OK },
		{ "\"x\":[[[[[[[[1]]]]]]]]", E_TOKEN_INVALID },
		{ "\"x\":{\"a\":{\"b\":[\"c\",{}]}}", E_OK },
		{ "\"x\":{\"a\":1,\"a\":2}", E_TOKEN_INVALID },
		{ "\"x\":{\"a\":1,\"\\u0061\":2}", E_TOKEN_INVALID },
		{ "\"sub\":\"other\"", E_TOKEN_INVALID },
		{ "\"s\\u0075b\":\"other\"", E_TOKEN_INVALID },
		{ "\"x\":1,\"x\":1", E_TOKEN_INVALID },
		{ "\"x\":01", E_TOKEN_INVALID },
		{ "\"x\":1.", E_TOKEN_INVALID },
		{ "\"x\":.5", E_TOKEN_INVALID },
		{ "\"x\":+1", E_TOKEN_INVALID },
		{ "\"x\":NaN", E_TOKEN_INVALID },
		{ "\"x\":True", E_TOKEN_INVALID },
		{ "\"x\":'a'", E_TOKEN_INVALID },
		{ "\"x\":\"\\u0000\"", E_TOKEN_INVALID },
		{ "\"x\":\"\\ud800\"", E_TOKEN_INVALID },
		{ "\"x\":\"\\udc00\\ud800\"", E_TOKEN_INVALID },
		{ "\"x\":\"\\ud83d\\ude00\"", E_OK },
		{ "\"x\":\"\\x\"", E_TOKEN_INVALID },
		{ "\"x\":\"\n\"", E_TOKEN_INVALID },
		{ "\"x\":\"\xff\"", E_TOKEN_INVALID },
		{ "\"x\":[1,]", E_TOKEN_INVALID },
		{ "\"x\":1,", E_TOKEN_INVALID },
		{ "\"x\":/**/1", E_TOKEN_INVALID },
		{ "\"x\" : [ ] , \"y\" : { }", E_OK },
	};

	start();
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ck_assert_msg(verify_payload(arena_fmt(a, "{" STRINGS
		    ",\"iat\":1000,\"exp\":1900,%s}", t[i].more).p) ==
		    t[i].want, "%s", t[i].more);
	ck_assert_int_eq(verify_payload(GOOD "x"), E_TOKEN_INVALID);
	ck_assert_int_eq(verify_payload(GOOD GOOD), E_TOKEN_INVALID);
	ck_assert_int_eq(verify_payload(""), E_TOKEN_INVALID);
	ck_assert_int_eq(verify_payload("[]"), E_TOKEN_INVALID);
	ck_assert_int_eq(verify_payload("{"), E_TOKEN_INVALID);
}
END_TEST

START_TEST(escaped_names_and_values_are_what_they_mean)
{
	struct jwt_claims out;
	struct str t;

	start();
	t = forge(head_with(""), "{\"\\u0069ss\":\"https:\\/\\/auth.example\","
	    "\"aud\":\"postern\",\"sub\":\"\\u00fc\\ud83d\\ude00\\n\","
	    "\"sid\":\"s\",\"jti\":\"j\",\"iat\":1000,\"exp\":1900}");
	ck_assert_int_eq(jwt_verify(a, &keys, &check, t, &out), E_OK);
	ck_str(out.sub, "\xc3\xbc\xf0\x9f\x98\x80\n");
}
END_TEST

START_TEST(a_token_past_8_kib_is_refused)
{
	char *big;

	start();
	big = arena_alloc(a, LIMIT_JWT + 1);
	memset(big, 'x', LIMIT_JWT);
	ck_assert_int_eq(verify_payload(arena_fmt(a, "{" STRINGS
	    ",\"iat\":1000,\"exp\":1900,\"x\":\"%s\"}", big).p),
	    E_TOKEN_INVALID);
	big[LIMIT_JWT / 2] = '\0';
	ck_assert_int_eq(verify_payload(arena_fmt(a, "{" STRINGS
	    ",\"iat\":1000,\"exp\":1900,\"x\":\"%s\"}", big).p), E_OK);
}
END_TEST

START_TEST(the_key_set_shows_public_parts_only)
{
	struct str doc, secret;

	start_eddsa();
	jwt_key_hs256(&keys.key[1], STR("another secret of 32 or more bytes"));
	keys.n = 2;
	doc = jwt_jwks(a, &keys);
	secret = b64url_encode(a,
	    (struct str){ (char *)keys.key[0].secret, 32 });
	ck_assert_ptr_nonnull(strstr(doc.p, keys.key[0].kid));
	ck_assert_ptr_null(strstr(doc.p, keys.key[1].kid));
	ck_assert_ptr_null(strstr(doc.p, secret.p));
	ck_assert(str_starts(doc, STR("{\"keys\":[{\"kty\":\"OKP\",\"crv\":"
	    "\"Ed25519\",")));
	keys.n = 0;
	ck_str(jwt_jwks(a, &keys), "{\"keys\":[]}");
}
END_TEST

START_TEST(base64url_of_a_payload_has_one_spelling)
{
	struct str x, y;

	start();
	for (int i = 0; i < 256 * 256; i++) {
		char text[5] = { 'Y', 'Q', (char)i, (char)(i >> 8), 0 };

		for (size_t n = 2; n <= 4; n++) {
			struct str s = { text, n };
			bool want = b64url_decode(a, s, &x);

			ck_assert_msg(jwt_decode(a, s, &y) == want,
			    "%02x %02x", i & 255, i >> 8);
			ck_assert(!want || str_eq(x, y));
		}
		arena_reset(a);
	}
}
END_TEST

UNIT("crypto/jwt/jwt",
    hs256_gives_the_answer_of_rfc_7515,
    eddsa_gives_the_answer_of_rfc_8037,
    what_was_signed_verifies,
    a_public_key_is_enough_to_verify_and_a_kid_names_it,
    every_changed_character_is_refused,
    the_algorithm_comes_from_the_key_and_not_from_the_token,
    crit_and_zip_are_refused_and_foreign_keys_not_looked_at,
    only_an_access_token_is_one,
    a_token_without_kid_needs_a_single_hs256_key,
    an_old_key_verifies_until_its_end,
    every_claim_is_required_and_compared,
    times_out_of_range_are_refused,
    the_json_of_a_token_is_strict,
    escaped_names_and_values_are_what_they_mean,
    a_token_past_8_kib_is_refused,
    the_key_set_shows_public_parts_only,
    base64url_of_a_payload_has_one_spelling)
