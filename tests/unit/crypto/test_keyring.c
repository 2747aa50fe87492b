/* Keys of purposes and sealing: rows CF3, CF5, TO8. */
#include "tests/unit/unit.h"

#include "base/encoding.h"
#include "crypto/hkdf.h"
#include "crypto/keyring.h"
#include "crypto/seal.h"

#define KEY_A "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define KEY_B "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="

static struct keyring *
ring(const char *sealing, const char *jwt, const char *previous)
{
	struct config c = { .sealing_keys = sealing, .jwt_secret = jwt,
		.jwt_previous_secrets = previous };
	const char *why;

	return keyring_new(&c, &why);
}

static bool
same(struct str x, const char *hex)
{
	return str_eq(hex_encode(a, x), str_of(hex));
}

START_TEST(hkdf_gives_the_answers_of_rfc_5869)
{
	uint8_t out[42], key[22];
	struct str salt, info;

	memset(key, 0x0b, sizeof(key));
	ck_assert(hex_decode(a, STR("000102030405060708090a0b0c"), &salt));
	ck_assert(hex_decode(a, STR("f0f1f2f3f4f5f6f7f8f9"), &info));
	hkdf_sha256((struct str){ (char *)key, 22 }, salt, info, out, 42);
	ck_assert(same((struct str){ (char *)out, 42 },
	    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	    "34007208d5b887185865"));
	hkdf_sha256((struct str){ (char *)key, 22 }, STR(""), STR(""), out,
	    42);
	ck_assert(same((struct str){ (char *)out, 42 },
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	    "9d201395faa4b61a96c8"));
}
END_TEST

START_TEST(the_highest_version_seals)
{
	struct keyring *k = ring("1:" KEY_A "\n7:" KEY_B ", 3:" KEY_A, "", "");
	uint8_t out[32];

	ck_assert_ptr_nonnull(k);
	ck_assert_int_eq(keyring_current(k), 7);
	ck_assert(keyring_derive(k, 1, "refresh", out));
	ck_assert(!keyring_derive(k, 2, "refresh", out));
}
END_TEST

/* Row CF3. */
START_TEST(each_purpose_and_version_has_a_key_of_its_own)
{
	struct keyring *k = ring("1:" KEY_A ",2:" KEY_B, "", "");
	uint8_t x[32], y[32];

	for (int again = 0; again < 2; again++) {
		ck_assert(keyring_derive(k, 1, "refresh", x));
		ck_assert(keyring_derive(k, 1, "reset", y));
		ck_assert_mem_ne(x, y, 32);
		ck_assert(keyring_derive(k, 2, "refresh", y));
		ck_assert_mem_ne(x, y, 32);
	}
	ck_assert(keyring_derive(k, 1, "refresh", y));
	ck_assert_mem_eq(x, y, 32);
}
END_TEST

START_TEST(wrong_settings_are_refused_by_name)
{
	static const char *const bad[] = { "0:" KEY_A, "256:" KEY_A,
		"x:" KEY_A, "1:AQEB", "1", ":", "1:" KEY_A ",1:" KEY_B,
		"1:" KEY_A "A", "1: " KEY_A };
	struct config c = { .jwt_secret = "", .jwt_previous_secrets = "" };
	const char *why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.sealing_keys = bad[i];
		ck_assert_msg(keyring_new(&c, &why) == NULL, "%s", bad[i]);
		ck_assert_msg(strstr(why, "keys.sealing") != NULL, "%s", why);
	}
	c.sealing_keys = "";
	ck_assert_ptr_null(keyring_new(&c, &why));
}
END_TEST

START_TEST(a_rotated_jwt_secret_loses_no_sealed_row)
{
	struct keyring *before = ring("", "first secret of 32 bytes or so", "");
	struct str s = seal(a, before, STR("row/1"), STR("hello")), plain;
	struct keyring *after = ring("", "second secret of 32 bytes also",
	    "first secret of 32 bytes or so");
	struct keyring *lost = ring("", "second secret of 32 bytes also", "");

	ck_assert_int_eq(unseal(a, after, STR("row/1"), s, &plain), E_OK);
	ck_str(plain, "hello");
	ck_assert_int_eq(unseal(a, lost, STR("row/1"), s, &plain), E_INTERNAL);
}
END_TEST

START_TEST(with_sealing_keys_the_jwt_secret_opens_rows_and_makes_no_tokens)
{
	struct keyring *before = ring("", "first secret of 32 bytes or so", "");
	struct str s = seal(a, before, STR("row/1"), STR("hello")), plain;
	struct keyring *after = ring("1:" KEY_A,
	    "first secret of 32 bytes or so", "");
	uint8_t out[32];

	ck_assert_int_eq(unseal(a, after, STR("row/1"), s, &plain), E_OK);
	ck_assert(!keyring_derive(after, 0, "refresh", out));
}
END_TEST

/* Row CF5: bound to its row. */
START_TEST(sealed_bytes_open_only_for_their_row_and_unchanged)
{
	struct keyring *k = ring("4:" KEY_A, "", "");
	struct str s = seal(a, k, STR("users/totp/1"), STR("seed")), plain, c;

	ck_assert_int_eq(s.n, 1 + 24 + 4 + 16);
	ck_assert_int_eq(s.p[0], 4);
	ck_assert_int_eq(unseal(a, k, STR("users/totp/1"), s, &plain), E_OK);
	ck_str(plain, "seed");
	ck_assert_int_eq(unseal(a, k, STR("users/totp/2"), s, &plain),
	    E_INTERNAL);
	for (size_t i = 0; i < s.n; i++) {
		c = arena_str(a, s);
		((char *)(uintptr_t)c.p)[i] ^= 1;
		ck_assert_int_ne(unseal(a, k, STR("users/totp/1"), c, &plain),
		    E_OK);
		ck_assert_int_ne(unseal(a, k, STR("users/totp/1"),
		    str_slice(s, 0, i), &plain), E_OK);
	}
}
END_TEST

START_TEST(sealing_twice_gives_different_bytes)
{
	struct keyring *k = ring("4:" KEY_A, "", "");

	ck_assert(!str_eq(seal(a, k, STR("x"), STR("same")),
	    seal(a, k, STR("x"), STR("same"))));
	ck_assert_int_eq(seal(a, k, STR("x"), STR("")).n, 41);
}
END_TEST

UNIT("crypto/keyring",
    hkdf_gives_the_answers_of_rfc_5869,
    the_highest_version_seals,
    each_purpose_and_version_has_a_key_of_its_own,
    wrong_settings_are_refused_by_name,
    a_rotated_jwt_secret_loses_no_sealed_row,
    with_sealing_keys_the_jwt_secret_opens_rows_and_makes_no_tokens,
    sealed_bytes_open_only_for_their_row_and_unchanged,
    sealing_twice_gives_different_bytes)
