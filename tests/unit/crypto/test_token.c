/* Derived tokens, codes and API keys: rows RT3, PR2, OT1, OT2, AK1. */
#include "tests/unit/unit.h"

#include "crypto/token.h"

static struct keyring *k;

static void
start(const char *secret, const char *previous)
{
	struct config c = { .sealing_keys = "", .jwt_secret = secret,
		.jwt_previous_secrets = previous };
	const char *why;

	k = keyring_new(&c, &why);
	ck_assert_ptr_nonnull(k);
}

START_TEST(a_token_says_its_id_and_generation)
{
	struct uuid id = uuid_v7(), got;
	uint32_t generation;
	struct str t;

	start("a secret that has more than 32 bytes", "");
	t = token_make(a, k, TOKEN_REFRESH, id, 0x80000001u);
	ck_assert(str_starts(t, STR("prt_")));
	ck_assert(token_is(TOKEN_REFRESH, t) && !token_is(TOKEN_RESET, t));
	ck_assert(token_open(a, k, TOKEN_REFRESH, t, &got, &generation));
	ck_assert_mem_eq(got.b, id.b, 16);
	ck_assert_uint_eq(generation, 0x80000001u);
	/* Derived: the same token again, nothing stored (row RT3). */
	ck_assert(str_eq(t, token_make(a, k, TOKEN_REFRESH, id, 0x80000001u)));
}
END_TEST

/* "A secret for one purpose accepted for another". */
START_TEST(a_token_is_nothing_for_another_purpose)
{
	static const char *const prefix[TOKEN_PURPOSES] = { "prt_", "pwr_",
		"plc_", "pdt_", "pem_", "pun_", "prc_", "pvt_" };
	struct uuid id = uuid_v7();
	uint32_t generation;

	start("a secret that has more than 32 bytes", "");
	for (int p = 0; p < TOKEN_PURPOSES; p++) {
		struct str t = token_make(a, k, (enum token_purpose)p, id, 1);

		for (int q = 0; q < TOKEN_PURPOSES; q++) {
			struct str renamed = arena_fmt(a, "%s%s", prefix[q],
			    t.p + 4);

			ck_assert_int_eq(token_open(a, k,
			    (enum token_purpose)q, t, &id, &generation),
			    p == q);
			ck_assert_int_eq(token_open(a, k,
			    (enum token_purpose)q, renamed, &id, &generation),
			    p == q);
		}
	}
}
END_TEST

START_TEST(every_changed_character_is_refused)
{
	struct uuid id = uuid_v7();
	uint32_t generation;
	struct str t;

	start("a secret that has more than 32 bytes", "");
	t = token_make(a, k, TOKEN_RESET, id, 3);
	for (size_t i = 0; i < t.n; i++) {
		struct str c = arena_str(a, t);
		char *at = (char *)(uintptr_t)c.p + i;

		*at = *at == 'A' ? 'B' : 'A';
		ck_assert(!token_open(a, k, TOKEN_RESET, c, &id, &generation));
		ck_assert(!token_open(a, k, TOKEN_RESET, str_slice(t, 0, i),
		    &id, &generation));
	}
	ck_assert(!token_open(a, k, TOKEN_RESET, arena_fmt(a, "%s=", t.p), &id,
	    &generation));
}
END_TEST

START_TEST(a_rotated_secret_ends_no_session)
{
	struct uuid id = uuid_v7();
	uint32_t generation;
	struct str t;

	start("a secret that has more than 32 bytes", "");
	t = token_make(a, k, TOKEN_REFRESH, id, 3);
	start("another one that has more than 32 bytes",
	    "a secret that has more than 32 bytes");
	ck_assert(token_open(a, k, TOKEN_REFRESH, t, &id, &generation));
	start("another one that has more than 32 bytes", "");
	ck_assert(!token_open(a, k, TOKEN_REFRESH, t, &id, &generation));
}
END_TEST

/* Row OT1. Leading zeros belong to a code. */
START_TEST(codes_have_all_their_digits)
{
	bool zero = false;

	start("a secret that has more than 32 bytes", "");
	for (int i = 0; i < 500; i++) {
		struct str d = token_digits(a, 6);

		ck_assert_int_eq(d.n, 6);
		for (size_t j = 0; j < d.n; j++)
			ck_assert(d.p[j] >= '0' && d.p[j] <= '9');
		zero = zero || d.p[0] == '0';
	}
	ck_assert(zero); /* fails once in 10^22 runs */
	ck_assert_int_eq(token_digits(a, 9).n, 9);
	ck_assert_int_eq(token_digits(a, 1).n, 1);
}
END_TEST

/* Rows OT2 and OT3. */
START_TEST(a_code_is_bound_to_its_row_and_purpose)
{
	struct str mac;

	start("a secret that has more than 32 bytes", "");
	mac = token_code_mac(a, k, STR("12"), "login", STR("345678"));
	ck_assert_int_eq(mac.n, 32);
	ck_assert(str_eq(mac,
	    token_code_mac(a, k, STR("12"), "login", STR("345678"))));
	ck_assert(!str_eq(mac,
	    token_code_mac(a, k, STR("12"), "reset", STR("345678"))));
	ck_assert(!str_eq(mac,
	    token_code_mac(a, k, STR("13"), "login", STR("345678"))));
	/* What one field ends with, the next does not begin with. */
	ck_assert(!str_eq(token_code_mac(a, k, STR("1"), "2x", STR("3")),
	    token_code_mac(a, k, STR("12"), "x", STR("3"))));
	ck_assert(!str_eq(token_code_mac(a, k, STR("1"), "x", STR("23")),
	    token_code_mac(a, k, STR("1"), "x2", STR("3"))));
}
END_TEST

/* Row AK1. */
START_TEST(an_api_key_tells_a_typing_error)
{
	struct str key, id;

	start("a secret that has more than 32 bytes", "");
	key = token_api_key(a, "hr_", 32);
	ck_assert_int_eq(key.n, 3 + 12 + 1 + 43 + 1 + 6);
	ck_assert(token_api_key_check("hr_", key, &id));
	ck_assert(str_eq(id, str_slice(key, 3, 15)));
	ck_assert(!token_api_key_check("xx_", key, &id));
	for (size_t i = 0; i < key.n; i++) {
		struct str c = arena_str(a, key);
		char *at = (char *)(uintptr_t)c.p + i;

		*at = *at == 'A' ? 'B' : 'A';
		ck_assert(!token_api_key_check("hr_", c, &id));
		ck_assert(!token_api_key_check("hr_", str_slice(key, 0, i),
		    &id));
	}
	ck_assert_int_eq(token_api_key(a, "", 64).n, 12 + 1 + 86 + 1 + 6);
}
END_TEST

START_TEST(checksum_is_crc_32_and_hash_is_sha_256)
{
	struct str id;

	/* The last six by zlib.crc32() of what is before. */
	ck_assert(token_api_key_check("k",
	    STR("kABCDEFGHIJKL_abcdef_41gQJl"), &id));
	ck_str(id, "ABCDEFGHIJKL");
	start("a secret that has more than 32 bytes", "");
	ck_assert(str_eq(token_hash(a, STR("abc")), (struct str){
	    "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
	    "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
	    32 }));
}
END_TEST

UNIT("crypto/token",
    a_token_says_its_id_and_generation,
    a_token_is_nothing_for_another_purpose,
    every_changed_character_is_refused,
    a_rotated_secret_ends_no_session,
    codes_have_all_their_digits,
    a_code_is_bound_to_its_row_and_purpose,
    an_api_key_tells_a_typing_error,
    checksum_is_crc_32_and_hash_is_sha_256)
