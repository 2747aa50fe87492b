#include "tests/unit/unit.h"

#include "base/limits.h"
#include "http/field.h"
#include "http/schema.h"

static struct request rq;
static struct response re;
static const struct value *in;

static enum err
check(const struct field *rows, const char *json)
{
	const char *why;

	json_use(a);
	rq = (struct request){ .arena = a };
	re = (struct response){ 0 };
	if (json)
		ck_assert_msg(json_parse(a, str_of(json), 32, &rq.json,
		    &why) == E_OK, "%s", json);
	return schema_check(rows, &rq, &re, &in);
}

static struct str
errors(void)
{
	return json_print(a, re.errors);
}

/* The one row of type, and a body {"v":…}. */
static enum err
one(struct field row, const char *value)
{
	struct field rows[2] = { row, { 0 } };

	rows[0].name = "v";
	return check(rows, arena_fmt(a, "{\"v\":%s}", value).p);
}

#define ONE(value, ...) one((struct field){ .type = __VA_ARGS__ }, (value))

static void
all(enum err want, struct field row, const char *const *values)
{
	for (; *values; values++)
		ck_assert_msg(one(row, *values) == want, "%s", *values);
}

#define ALL(want, kind, ...) \
	all((want), (struct field){ .type = (kind) }, \
	    (const char *const[]){ __VA_ARGS__, NULL })

static const struct field login[] = {
	{ .name = "identifier", .aliases = "email_or_username email username",
	    .type = FIELD_LOGIN, .max = 254, .required = true },
	{ .name = "password", .type = FIELD_PASSWORD, .required = true },
	{ .name = "remember_device", .aliases = "trust_device",
	    .type = FIELD_BOOL },
	{ 0 }
};

START_TEST(every_fault_is_told_at_once)
{
	static const char want[] = "[{\"field\":\"identifier\",\"message\":"
	    "\"Identifier is required\"},{\"field\":\"password\","
	    "\"message\":\"Password must be a string\"},"
	    "{\"field\":\"remember_device\",\"message\":"
	    "\"Remember device must be true or false\"}]";

	ck_assert_int_eq(check(login,
	    "{\"password\":1,\"trust_device\":\"yes\"}"), E_VALIDATION);
	ck_str(errors(), want);
}
END_TEST

START_TEST(no_body_is_an_empty_object)
{
	ck_assert_int_eq(check(login, NULL), E_VALIDATION);
	ck_assert_int_eq(cJSON_GetArraySize(re.errors), 2);
	ck_assert_int_eq(check(&login[2], NULL), E_OK);
	ck_assert(!in[0].given);
	ck_assert_int_eq(check(&login[2], "[]"), E_VALIDATION);
	ck_assert_int_eq(check(&login[2], "\"x\""), E_VALIDATION);
}
END_TEST

/* row AP3 */
START_TEST(a_field_answers_to_its_aliases_in_both_cases)
{
	static const char *const names[] = { "identifier", "email",
		"emailOrUsername", "email_or_username", "username" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		ck_assert_int_eq(check(login, arena_fmt(a,
		    "{\"%s\":\"me\",\"password\":\"p\","
		    "\"trustDevice\":true}", names[i]).p), E_OK);
		ck_str(in[0].text, "me");
		ck_assert_int_eq(in[2].number, 1);
	}
}
END_TEST

START_TEST(two_names_of_a_field_must_agree)
{
	ck_assert_int_eq(check(login, "{\"email\":\"me\",\"username\":\"me\","
	    "\"password\":\"p\"}"), E_OK);
	ck_assert_int_eq(check(login, "{\"email\":\"me\",\"username\":\"you\","
	    "\"password\":\"p\"}"), E_VALIDATION);
	ck_str(errors(), "[{\"field\":\"identifier\",\"message\":"
	    "\"Identifier is given twice, with different values\"}]");
	ck_assert_int_eq(check(login, "{\"email\":\"me\",\"username\":null,"
	    "\"password\":\"p\"}"), E_OK);
}
END_TEST

/* A comparison of trees doubles with each level: this one took 45 s. */
START_TEST(what_is_nested_is_never_compared)
{
	static const struct field refresh[] = {
		{ .name = "refresh_token", .type = FIELD_TOKEN,
		    .required = true },
		{ 0 },
	};
	struct str x = STR("1");

	for (int i = 0; i < 31; i++)
		x = arena_fmt(a, "{\"a\":%.*s}", STR_FMT(x));
	ck_assert_int_eq(check(refresh, arena_fmt(a, "{\"refresh_token\":"
	    "%.*s,\"refreshToken\":%.*s}", STR_FMT(x), STR_FMT(x)).p),
	    E_VALIDATION);
	ck_str(errors(), "[{\"field\":\"refresh_token\",\"message\":"
	    "\"Refresh token is given twice, with different values\"}]");
	ck_assert_int_eq(check(refresh, "{\"refresh_token\":[],"
	    "\"refreshToken\":[]}"), E_VALIDATION);
	ck_assert_int_eq(check(refresh, "{\"refresh_token\":\"1\","
	    "\"refreshToken\":1}"), E_VALIDATION);
	ck_assert_int_eq(check(refresh, "{\"refresh_token\":\"t\","
	    "\"refreshToken\":\"t\"}"), E_OK);
}
END_TEST

/* Forms send every field they have, the unused ones empty. */
START_TEST(an_empty_name_beside_a_filled_one_is_not_given)
{
	static const char *const bodies[] = {
		"\"username\":\"\",\"email\":\"me\"",
		"\"email\":\"me\",\"username\":null",
		"\"identifier\":null,\"username\":\" \",\"email\":\"me\""
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		ck_assert_int_eq(check(login, arena_fmt(a,
		    "{%s,\"password\":\"p\"}", bodies[i]).p), E_OK);
		ck_str(in[0].text, "me");
	}
	ck_assert_int_eq(check(login, "{\"email\":\"\",\"username\":null,"
	    "\"password\":\"p\"}"), E_VALIDATION);
	ck_assert_int_eq(check(&login[2], "{\"remember_device\":\"\","
	    "\"trustDevice\":true}"), E_OK);
	ck_assert_int_eq(in[0].number, 1);
}
END_TEST

START_TEST(a_name_of_the_profile_is_cleared_by_nothing)
{
	ALL(E_OK, FIELD_CLEARED, "null", "\"\"", "\" \"");
	ck_assert(in[0].given);
	ck_str(in[0].text, "");
	ck_assert_int_eq(check((const struct field[]){ { .name = "v",
	    .type = FIELD_CLEARED }, { 0 } }, "{}"), E_OK);
	ck_assert(!in[0].given);
	ALL(E_VALIDATION, FIELD_CLEARED, "1", "[]", "false");
}
END_TEST

/* row RB5 */
START_TEST(members_outside_the_table_reach_nobody)
{
	ck_assert_int_eq(check(login, "{\"email\":\"me\",\"password\":\"p\","
	    "\"role\":\"admin\",\"is_verified\":true}"), E_OK);
	ck_assert(in[0].given && in[1].given && !in[2].given);
}
END_TEST

START_TEST(null_and_empty_optional_texts_are_not_given)
{
	ck_assert_int_eq(ONE("null", FIELD_TEXT), E_OK);
	ck_assert(!in[0].given);
	ck_assert_int_eq(ONE("\"\"", FIELD_EMAIL), E_OK);
	ck_assert(!in[0].given);
	ck_assert_int_eq(ONE("\"  \"", FIELD_NAME, .required = true),
	    E_VALIDATION);
	ck_assert_int_eq(ONE("null", FIELD_TEXT, .required = true),
	    E_VALIDATION);
	ck_assert_int_eq(ONE("\"\"", FIELD_TEXT, .required = true),
	    E_VALIDATION);
}
END_TEST

START_TEST(lengths_count_code_points)
{
	ck_assert_int_eq(ONE("\"\xc3\xa9\xc3\xa9\xc3\xa9\"", FIELD_TEXT,
	    .min = 3, .max = 3), E_OK);
	ck_assert_int_eq(ONE("\"abcdefg\"", FIELD_TEXT, .min = 8),
	    E_VALIDATION);
	ck_str(errors(), "[{\"field\":\"v\",\"message\":"
	    "\"V must be at least 8 characters\"}]");
	ck_assert_int_eq(ONE("\"abcd\"", FIELD_TEXT, .max = 3), E_VALIDATION);
	ck_assert_int_eq(ONE("\" a \"", FIELD_TEXT), E_OK);
	ck_str(in[0].text, " a ");
}
END_TEST

/* rows PW2, PW3: never cut, never trimmed */
START_TEST(a_password_is_taken_as_it_is_up_to_its_bytes)
{
	ck_assert_int_eq(ONE("\" p\xf0\x9f\x98\x80 \"", FIELD_PASSWORD), E_OK);
	ck_str(in[0].text, " p\xf0\x9f\x98\x80 ");
	ck_assert_int_eq(ONE(arena_fmt(a, "\"%0*d\"", LIMIT_PASSWORD_BYTES,
	    0).p, FIELD_PASSWORD), E_OK);
	ck_assert_int_eq(ONE(arena_fmt(a, "\"%0*d\"", LIMIT_PASSWORD_BYTES + 1,
	    0).p, FIELD_PASSWORD), E_VALIDATION);
}
END_TEST

/* row LG6: tests/unit/base/test_email.c has the rule */
START_TEST(an_email_is_one_that_strangers_can_reach)
{
	ck_assert_int_eq(ONE("\"a@x.test\"", FIELD_EMAIL), E_OK);
	ck_assert_int_eq(ONE("\"a@localhost\"", FIELD_EMAIL), E_VALIDATION);
	ck_assert_int_eq(ONE("\"a b@x.test\"", FIELD_EMAIL), E_VALIDATION);
}
END_TEST

/* row LG5 */
START_TEST(an_email_is_lower_cased_at_the_edge)
{
	ck_assert_int_eq(ONE("\"Me@EXAMPLE.Test\"", FIELD_EMAIL), E_OK);
	ck_str(in[0].text, "me@example.test");
}
END_TEST

/* row LG6: a user name never looks like an address */
START_TEST(a_user_name_is_of_few_letters)
{
	ALL(E_OK, FIELD_USERNAME, "\"ab\"", "\"A_b.c-9\"", "\"-7\"",
	    "\"men\"", "\"nulls\"", "\"admin\"");
	ALL(E_VALIDATION, FIELD_USERNAME, "\"a\"", "\".\"", "\"..\"",
	    "\"_-.\"", "\"me\"", "\"ME\"", "\"null\"", "\"Undefined\"",
	    "\"users\"", "\"super_admin\"", "\"Auth\"");
	ALL(E_OK, FIELD_USERNAME_GIVEN, "\"a\"", "\"users\"");
	ALL(E_VALIDATION, FIELD_USERNAME_GIVEN, "\".\"", "\"me\"",
	    "\"null\"", "\"a@b\"");
	ALL(E_VALIDATION, FIELD_USERNAME, "\"a@b\"", "\"a b\"",
	    "\"\xd0\xb0\"", "\"a/b\"", "1", "\"a\\nb\"",
	    "\"012345678901234567890123456789012345678901234567890\"");
}
END_TEST

START_TEST(a_name_is_trimmed_and_has_no_controls)
{
	ck_assert_int_eq(ONE("\"  Ren\xc3\xa9 \"", FIELD_NAME), E_OK);
	ck_str(in[0].text, "Ren\xc3\xa9");
	ALL(E_VALIDATION, FIELD_NAME, "\"a\\nb\"", "\"a\\u001b[0m\"",
	    "\"a\\u007f\"", "\"a\\u0085b\"");
	ck_assert_int_eq(ONE(arena_fmt(a, "\"%0*d\"", LIMIT_NAME + 1, 0).p,
	    FIELD_NAME), E_VALIDATION);
}
END_TEST

/* row TO6 */
START_TEST(digits_are_a_string_of_ascii_digits)
{
	static const struct field six = { .type = FIELD_DIGITS, .min = 6,
		.max = 6, .required = true };

	all(E_OK, six, (const char *const[]){ "\"000000\"", "\"123456\"",
	    NULL });
	all(E_VALIDATION, six, (const char *const[]){ "123456", "null",
	    "[\"123456\"]", "{}", "true", "\"12345\"", "\"1234567\"",
	    "\"12 456\"", "\"-12345\"", "\"\"", "\"123.456\"",
	    "\"\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6\"", NULL });
	ck_assert_int_eq(one(six, "\"1\""), E_VALIDATION);
	ck_str(errors(), "[{\"field\":\"v\",\"message\":"
	    "\"V must be exactly 6 digits\"}]");
}
END_TEST

START_TEST(codes_lose_their_spaces_and_dashes)
{
	ck_assert_int_eq(ONE("\"ABCD-efgh 1234\"", FIELD_CODE), E_OK);
	ck_str(in[0].text, "ABCDefgh1234");
	ALL(E_VALIDATION, FIELD_CODE, "\"a_b\"", "123456", "\"\xc3\xa9\"");
	ck_assert_int_eq(ONE("\"---\"", FIELD_CODE, .required = true),
	    E_VALIDATION);
}
END_TEST

/* As they come out of mails, password managers and phones. */
START_TEST(white_space_around_a_value_is_not_part_of_it)
{
	static const char *const six[] = { "\" 123456\"", "\"123 456\"",
		"\"123-456\\r\\n\"", "\"123\xc2\xa0" "456\"",
		"\"\xe2\x80\x8f" "123\xe2\x80\x91" "456\"" };

	for (size_t i = 0; i < sizeof(six) / sizeof(*six); i++) {
		ck_assert_int_eq(ONE(six[i], FIELD_DIGITS, .min = 6,
		    .max = 6), E_OK);
		ck_str(in[0].text, "123456");
	}
	ck_assert_int_eq(ONE("\"ann@example.com \"", FIELD_EMAIL), E_OK);
	ck_str(in[0].text, "ann@example.com");
	ck_assert_int_eq(ONE("\"\xef\xbb\xbf" "Ann\\n\"", FIELD_LOGIN), E_OK);
	ck_str(in[0].text, "Ann");
	ck_assert_int_eq(ONE("\"prt_a\\n\"", FIELD_TOKEN), E_OK);
	ck_str(in[0].text, "prt_a");
	ck_assert_int_eq(ONE("\"\\thttps://x.test \"", FIELD_URL), E_OK);
	ck_str(in[0].text, "https://x.test");
	ck_assert_int_eq(ONE("[\"12 34 56\"]", FIELD_CODES), E_OK);
	ck_str(in[0].texts[0], "123456");
	ck_assert_int_eq(ONE("[\" - \"]", FIELD_CODES), E_VALIDATION);
	/* Cut within a character, and one of four bytes. */
	ck_assert_int_eq(ONE("\"\xf0\x9f\x98\x80 \"", FIELD_NAME), E_OK);
	ck_str(in[0].text, "\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(tokens_and_urls_are_printable)
{
	ALL(E_OK, FIELD_TOKEN, "\"prt_aZ-_.~\"");
	ALL(E_VALIDATION, FIELD_TOKEN, "\"a b\"", "\"a\\nb\"", "\"\xc3\xa9\"");
	ALL(E_OK, FIELD_URL, "\"https://x.test/a?b\"", "\"HTTP://x.test\"",
	    "\"http://[::1]:80/\"");
	ALL(E_VALIDATION, FIELD_URL, "\"ftp://x.test\"", "\"x.test\"",
	    "\"https://\"", "\"https:///x\"", "\"https://a b\"",
	    "\"javascript:alert(1)\"", "\"https://x\\r\\ny\"");
}
END_TEST

START_TEST(a_uuid_has_one_spelling)
{
	ck_assert_int_eq(ONE("\"01890A5D-AC96-774B-BCCE-B302099A8057\"",
	    FIELD_UUID), E_OK);
	ck_str(in[0].text, "01890a5d-ac96-774b-bcce-b302099a8057");
	ALL(E_VALIDATION, FIELD_UUID, "\"1\"",
	    "\"{01890a5d-ac96-774b-bcce-b302099a8057}\"", "1");
}
END_TEST

START_TEST(numbers_are_whole_and_in_range)
{
	ck_assert_int_eq(ONE("-3", FIELD_INT), E_OK);
	ck_assert_int_eq(in[0].number, -3);
	ck_assert_int_eq(ONE("0", FIELD_INT, .min = 0, .max = 5), E_OK);
	ck_assert(in[0].given);
	ck_assert_int_eq(ONE("6", FIELD_INT, .max = 5), E_VALIDATION);
	ck_assert_int_eq(ONE("-1", FIELD_INT, .max = 5), E_VALIDATION);
	ALL(E_VALIDATION, FIELD_INT, "1.5", "\"1\"", "true", "[1]", "{}");
	ALL(E_VALIDATION, FIELD_BOOL, "1", "0", "\"true\"", "[]");
	ALL(E_OK, FIELD_BOOL, "true", "false");
}
END_TEST

START_TEST(durations_are_seconds_or_words)
{
	ck_assert_int_eq(ONE("90", FIELD_DURATION), E_OK);
	ck_assert(in[0].number == INT64_C(90000000));
	ck_assert_int_eq(ONE("\"15m\"", FIELD_DURATION), E_OK);
	ck_assert(in[0].number == INT64_C(900000000));
	ck_assert_int_eq(ONE("\"3h\"", FIELD_DURATION, .max = 7200),
	    E_VALIDATION);
	ALL(E_VALIDATION, FIELD_DURATION, "-1", "1.5", "9007199254740991",
	    "\"x\"", "\"\"", "true", "[]");
	ALL(E_OK, FIELD_TIME, "\"2030-01-02T03:04:05Z\"");
	ALL(E_VALIDATION, FIELD_TIME, "\"2030-01-02\"", "1893553445",
	    "\"2030-13-02T03:04:05Z\"");
}
END_TEST

START_TEST(a_choice_is_one_of_its_words)
{
	ck_assert_int_eq(ONE("\"all\"", FIELD_CHOICE,
	    .choices = "this others all"), E_OK);
	ck_assert_int_eq(ONE("\"ALL\"", FIELD_CHOICE,
	    .choices = "this others all"), E_VALIDATION);
	ck_str(errors(), "[{\"field\":\"v\",\"message\":"
	    "\"V must be one of this, others, all\"}]");
	ck_assert_int_eq(ONE("\"this others\"", FIELD_CHOICE,
	    .choices = "this others all"), E_VALIDATION);
}
END_TEST

START_TEST(texts_are_a_bounded_array_of_strings)
{
	ck_assert_int_eq(ONE("[\"a\",\"b\"]", FIELD_TEXTS), E_OK);
	ck_assert_uint_eq(in[0].ntexts, 2);
	ck_str(in[0].texts[1], "b");
	ck_assert_int_eq(ONE("[]", FIELD_TEXTS), E_OK);
	ck_assert(in[0].given);
	ck_assert_int_eq(ONE("[]", FIELD_TEXTS, .min = 1), E_VALIDATION);
	ck_assert_int_eq(ONE("[\"a\",\"b\"]", FIELD_TEXTS, .max = 1),
	    E_VALIDATION);
	ALL(E_VALIDATION, FIELD_TEXTS, "\"a\"", "[1]", "[null]", "[[\"a\"]]",
	    "{\"a\":\"b\"}", "[\"\"]", "[\"a\\nb\"]");
}
END_TEST

UNIT("http/schema", every_fault_is_told_at_once, no_body_is_an_empty_object,
    a_field_answers_to_its_aliases_in_both_cases,
    two_names_of_a_field_must_agree, what_is_nested_is_never_compared,
    an_empty_name_beside_a_filled_one_is_not_given,
    a_name_of_the_profile_is_cleared_by_nothing, members_outside_the_table_reach_nobody,
    null_and_empty_optional_texts_are_not_given, lengths_count_code_points,
    a_password_is_taken_as_it_is_up_to_its_bytes,
    an_email_is_one_that_strangers_can_reach,
    an_email_is_lower_cased_at_the_edge,
    a_user_name_is_of_few_letters, a_name_is_trimmed_and_has_no_controls,
    digits_are_a_string_of_ascii_digits, codes_lose_their_spaces_and_dashes,
    white_space_around_a_value_is_not_part_of_it,
    tokens_and_urls_are_printable, a_uuid_has_one_spelling,
    numbers_are_whole_and_in_range, durations_are_seconds_or_words,
    a_choice_is_one_of_its_words, texts_are_a_bounded_array_of_strings)
