/*
 * AWS Signature Version 4 against the examples that AWS published with it: the
 * suite's get-vanilla and post-vanilla, and the request to IAM in its guide.
 */
#include "crypto/sigv4.h"

#include "tests/unit/unit.h"

#define TIME STR("20150830T123600Z")

static const struct sigv4_key suite = { { "AKIDEXAMPLE", 11 },
	{ "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40 },
	{ "us-east-1", 9 }, { "service", 7 } };

static struct sigv4_request
vanilla(const char *method, const struct sigv4_header *h)
{
	return (struct sigv4_request){ str_of(method), STR("/"), STR(""), h, 2,
		sigv4_payload(a, STR("")) };
}

static bool
signs(const struct sigv4_key *key, const struct sigv4_request *r,
    const char *signature)
{
	return str_ends(sigv4_authorization(a, key, r, TIME),
	    ARENA_JOIN(a, STR(", Signature="), str_of(signature)));
}

START_TEST(published_examples_have_their_signatures)
{
	const struct sigv4_header h[] = {
		{ STR("host"), STR("example.amazonaws.com") },
		{ STR("x-amz-date"), TIME },
	};
	struct sigv4_request get = vanilla("GET", h);
	struct sigv4_request post = vanilla("POST", h);

	ck_assert(signs(&suite, &get, "5fa00fa31553b73ebf1942676e86291e8372ff2a"
	    "2260956d9b8aae1d763fbf31"));
	ck_assert(signs(&suite, &post, "5da7c1a2acd57cee7505fc6676e4e544621c30"
	    "862966e37dddb68e92efbe5d6b"));
}
END_TEST

START_TEST(the_guides_request_has_its_hash_and_signature)
{
	const struct sigv4_header h[] = {
		{ STR("content-type"),
		    STR("application/x-www-form-urlencoded; charset=utf-8") },
		{ STR("host"), STR("iam.amazonaws.com") },
		{ STR("x-amz-date"), TIME },
	};
	const struct sigv4_request r = { STR("GET"), STR("/"),
		STR("Action=ListUsers&Version=2010-05-08"), h, 3,
		sigv4_payload(a, STR("")) };
	struct sigv4_key key = suite;

	key.service = STR("iam");
	ck_assert(str_eq(sigv4_payload(a, sigv4_canonical(a, &r)),
	    STR("f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e"
		"1a59")));
	ck_assert(signs(&key, &r, "5d672d79c15b13162d9279b0855cfba6789a8edb4c8"
	    "2c400e06b5924a6f2b5d7"));
}
END_TEST

START_TEST(each_part_of_a_request_changes_the_signature)
{
	const struct sigv4_header h[] = {
		{ STR("host"), STR("example.amazonaws.com") },
		{ STR("x-amz-date"), TIME },
	};
	struct sigv4_request r[6];
	struct str seen[6];

	for (size_t i = 0; i < 6; i++)
		r[i] = vanilla("GET", h);
	r[1].method = STR("PUT");
	r[2].path = STR("/a");
	r[3].query = STR("a=");
	r[4].nheaders = 1;
	r[5].payload = STR("UNSIGNED-PAYLOAD");
	for (size_t i = 0; i < 6; i++) {
		seen[i] = sigv4_authorization(a, &suite, &r[i], TIME);
		for (size_t k = 0; k < i; k++)
			ck_assert(!str_eq(seen[i], seen[k]));
	}
}
END_TEST

START_TEST(a_time_has_the_form_that_is_signed)
{
	ck_assert(str_eq(sigv4_time(a, 1440938160LL * 1000000), TIME));
}
END_TEST

/* What S3 documents of its own: a range, a file, a bucket's life, a list. */
START_TEST(published_examples_of_s3_have_their_signatures)
{
	const struct sigv4_key key = { STR("AKIAIOSFODNN7EXAMPLE"),
		STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
		STR("us-east-1"), STR("s3") };
	const struct str date = STR("20130524T000000Z");
	struct str none = sigv4_payload(a, STR(""));
	struct str hash = sigv4_payload(a, STR("Welcome to Amazon S3."));
	const struct sigv4_header host = { STR("host"),
		STR("examplebucket.s3.amazonaws.com") };
	const struct sigv4_header at = { STR("x-amz-date"), date };
	const struct sigv4_header plain[] = { host,
		{ STR("x-amz-content-sha256"), none }, at };
	const struct sigv4_header range[] = { host,
		{ STR("range"), STR("bytes=0-9") },
		{ STR("x-amz-content-sha256"), none }, at };
	const struct sigv4_header put[] = {
		{ STR("date"), STR("Fri, 24 May 2013 00:00:00 GMT") }, host,
		{ STR("x-amz-content-sha256"), hash }, at,
		{ STR("x-amz-storage-class"), STR("REDUCED_REDUNDANCY") } };
	const struct {
		struct sigv4_request r;
		const char *signature;
	} known[] = {
		{ { STR("GET"), STR("/test.txt"), STR(""), range, 4, none },
		"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
		{ { STR("PUT"), STR("/test%24file.text"), STR(""), put, 5, hash },
		"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
		{ { STR("GET"), STR("/"), STR("lifecycle="), plain, 3, none },
		"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
		{ { STR("GET"), STR("/"), STR("max-keys=2&prefix=J"), plain, 3,
		none },
		"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
	};

	for (size_t i = 0; i < 4; i++)
		ck_assert(str_ends(sigv4_authorization(a, &key, &known[i].r,
		    date), str_of(known[i].signature)));
}
END_TEST

UNIT("sigv4", published_examples_have_their_signatures,
    published_examples_of_s3_have_their_signatures,
    the_guides_request_has_its_hash_and_signature,
    each_part_of_a_request_changes_the_signature,
    a_time_has_the_form_that_is_signed)
