/* Time-based codes: rows TO1, TO5, TO6, TO7. */
#include "tests/unit/unit.h"

#include "crypto/totp.h"

/* RFC 6238, appendix B, of SHA-1, the last six digits. */
START_TEST(the_vectors_of_the_rfc_match)
{
	static const struct {
		int64_t seconds;
		const char *code;
	} v[] = {
		{ 59, "287082" }, { 1111111109, "081804" },
		{ 1111111111, "050471" }, { 1234567890, "005924" },
		{ 2000000000, "279037" }, { INT64_C(20000000000), "353130" },
	};
	struct str secret = STR("12345678901234567890");
	int64_t step;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		ck_assert(totp_match(secret, str_of(v[i].code), v[i].seconds,
		    &step));
		ck_assert_int_eq(step, v[i].seconds / 30);
	}
}
END_TEST

START_TEST(a_code_counts_one_step_either_way_and_says_which)
{
	struct str secret = STR("12345678901234567890");
	int64_t step, own = 1111111109 / 30;

	for (int64_t off = -3; off <= 3; off++) {
		bool near = off >= -1 && off <= 1;

		ck_assert_int_eq(totp_match(secret, STR("081804"),
		    1111111109 - off * 30, &step), near);
		if (near)
			ck_assert_int_eq(step, own);
	}
}
END_TEST

START_TEST(only_six_ascii_digits_are_a_code)
{
	static const char *const bad[] = { "", "28708", "2870822", "28708a",
		" 28708", "287 82", "-87082", "+87082",
		("\xef\xbc\x92" "7082") };
	struct str secret = STR("12345678901234567890");
	int64_t step;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert(!totp_match(secret, str_of(bad[i]), 59, &step));
	ck_assert(!totp_match(STR(""), STR("287082"), 59, &step));
}
END_TEST

START_TEST(secrets_have_160_bits_and_differ)
{
	struct str s = totp_secret(a), t = totp_secret(a);

	ck_assert_uint_eq(s.n, 20);
	ck_assert(!str_eq(s, t));
	ck_assert_uint_eq(totp_base32(a, s).n, 32);
}
END_TEST

START_TEST(base32_is_that_of_the_rfc_without_padding)
{
	ck_str(totp_base32(a, STR("foobar")), "MZXW6YTBOI");
	ck_str(totp_base32(a, STR("Hello!\xde\xad\xbe\xef")),
	    "JBSWY3DPEHPK3PXP");
}
END_TEST

UNIT("crypto/totp", the_vectors_of_the_rfc_match,
    a_code_counts_one_step_either_way_and_says_which,
    only_six_ascii_digits_are_a_code, secrets_have_160_bits_and_differ,
    base32_is_that_of_the_rfc_without_padding)
