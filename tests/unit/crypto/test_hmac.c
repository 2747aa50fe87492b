/* What webhooks are signed with (row WH6). */
#include "tests/unit/unit.h"

#include "base/encoding.h"
#include "crypto/hmac.h"

static struct str
hex_of(const struct hmac *h, const struct str *parts, size_t n)
{
	uint8_t mac[HMAC_BYTES];

	hmac_sum(h, parts, n, mac);
	return hex_encode(a, (struct str){ (char *)mac, sizeof(mac) });
}

static struct str
times(int n, char c)
{
	char *p = arena_alloc(a, (size_t)n);

	memset(p, c, (size_t)n);
	return (struct str){ p, (size_t)n };
}

/* RFC 4231, cases 1, 2, 3, 6 and 7: short keys, long ones, long texts. */
START_TEST(the_vectors_of_the_rfc_match_each_time_a_key_is_used)
{
	const struct {
		struct str key, text, mac;
	} v[] = {
		{ times(20, 0x0b), STR("Hi There"), STR("b0344c61d8db38535ca8"
		    "afceaf0bf12b881dc200c9833da726e9376c2e32cff7") },
		{ STR("Jefe"), STR("what do ya want for nothing?"),
		    STR("5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843") },
		{ times(20, (char)0xaa), times(50, (char)0xdd),
		    STR("773ea91e36800e46854db8ebd09181a7"
		    "2959098b3ef8c122d9635514ced565fe") },
		{ times(131, (char)0xaa), STR("Test Using Larger Than "
		    "Block-Size Key - Hash Key First"),
		    STR("60e431591ee0b67f0d8a26aacbf5b77f"
		    "8e0bc6213728c5140546040f0ee37f54") },
		{ times(131, (char)0xaa), STR("This is a test using a larger "
		    "than block-size key and a larger than block-size data. "
		    "The key needs to be hashed before being used by the HMAC "
		    "algorithm."), STR("9b09ffa71b942fcb27635fbcd5b0e944"
		    "bfdc63644f0713938a7f51535c3a35e2") },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct hmac h, none = { 0 };

		hmac_key(&h, v[i].key);
		for (int again = 0; again < 3; again++)
			ck_assert(str_eq(hex_of(&h, &v[i].text, 1), v[i].mac));
		hmac_wipe(&h);
		ck_assert_mem_eq(&h, &none, sizeof(h));
	}
}
END_TEST

START_TEST(parts_are_one_text_and_keys_do_not_mix)
{
	const struct str parts[] = { STR("what do ya "), STR(""),
		STR("want for nothing?") }, whole =
		STR("what do ya want for nothing?");
	struct hmac one, two;
	struct str before;

	hmac_key(&one, STR("Jefe"));
	hmac_key(&two, STR("J"));
	before = hex_of(&one, &whole, 1);
	ck_assert(!str_eq(hex_of(&two, &whole, 1), before));
	ck_assert(str_eq(hex_of(&one, parts, 3), before));
	ck_assert(!str_eq(hex_of(&one, parts, 1), before));
	hmac_wipe(&one);
	ck_assert(!str_eq(hex_of(&two, parts, 3), before));
}
END_TEST

UNIT("crypto/hmac", the_vectors_of_the_rfc_match_each_time_a_key_is_used,
    parts_are_one_text_and_keys_do_not_mix)
