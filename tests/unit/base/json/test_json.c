#include "tests/unit/unit.h"

#include "base/json/json.h"
#include "base/limits.h"

static cJSON *tree;

static enum err
parse_n(struct str text)
{
	const char *why = NULL;
	enum err e = json_parse(a, text, LIMIT_JSON_DEPTH, &tree, &why);

	ck_assert_msg((e == E_OK) == (why == NULL), "a reason goes with E_%d",
	    (int)e);
	ck_assert((e == E_OK) == (tree != NULL));
	return e;
}

static enum err
parse(const char *text)
{
	return parse_n(str_of(text));
}

/* open n times, inner, close n times. */
static struct str
repeat(const char *open, int n, const char *inner, const char *close)
{
	struct buf b = buf_new(a, 1 << 20);

	for (int i = 0; i < n; i++)
		buf_add(&b, str_of(open));
	buf_add(&b, str_of(inner));
	for (int i = 0; i < n; i++)
		buf_add(&b, str_of(close));
	return buf_str(&b);
}

static void
round_trip(const char *in, const char *want)
{
	ck_assert_msg(parse(in) == E_OK, "%s", in);
	ck_str(json_print(a, tree), want);
}

static void
number(double v, const char *want)
{
	json_use(a);
	ck_str(json_print(a, cJSON_CreateNumber(v)), want);
}

/* RFC 8259; row HB8 */
START_TEST(text_outside_the_grammar_is_refused)
{
	static const char *const bad[] = { "", " ", "{", "[", "[1,]",
		"{\"a\":1,}", "{a:1}", "{'a':1}", "[1 2]", "01", "-", "+1",
		"1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "nul",
		"truex", "\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
		"// c\n1", "/* c */ 1", "\xef\xbb\xbf{}", "{\"a\"}",
		"{\"a\":}", "{:1}", "]", "\f1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(parse(bad[i]) == E_BAD_JSON, "%s", bad[i]);
}
END_TEST

/* row HB8 */
START_TEST(nothing_may_stand_behind_the_value)
{
	ck_assert_int_eq(parse(" {} \r\n\t"), E_OK);
	ck_assert_int_eq(parse("{} {}"), E_BAD_JSON);
	ck_assert_int_eq(parse("{}x"), E_BAD_JSON);
	ck_assert_int_eq(parse_n(STR("{}\0")), E_BAD_JSON);
}
END_TEST

/* rows HB8, HB9: "admin\u0000evil" must not become "admin" */
START_TEST(no_nul_gets_into_a_string_in_any_spelling)
{
	ck_assert_int_eq(parse("\"admin\\u0000evil\""), E_BAD_JSON);
	ck_assert_int_eq(parse("{\"a\\u0000b\":1}"), E_BAD_JSON);
	ck_assert_int_eq(parse_n(STR("\"a\0b\"")), E_BAD_JSON);
}
END_TEST

/* row HB8 */
START_TEST(strings_are_text)
{
	static const char *const bad[] = { "\"\x01\"", "\"\n\"", "\"\xff\"",
		"\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
		"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
		"\"\\ud800x\"", "\"\\ud800\\ud800\"" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(parse(bad[i]) == E_BAD_JSON, "%zu", i);
	round_trip("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
	round_trip("\"\\u0041\\u00e9\\u20AC\\/\"", "\"A\xc3\xa9\xe2\x82\xac/\"");
	round_trip("\"\\\"\\\\\\b\\f\\n\\r\\t\\u001f\"",
	    "\"\\\"\\\\\\b\\f\\n\\r\\t\\u001f\"");
	round_trip("\"\\ud800\\udc00\\udbff\\udfff\"",
	    "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
}
END_TEST

/* rows HB7, JW6 */
START_TEST(one_name_twice_is_refused_however_it_is_spelt)
{
	ck_assert_int_eq(parse("{\"a\":1,\"a\":1}"), E_BAD_JSON);
	ck_assert_int_eq(parse("{\"a\":1,\"\\u0061\":2}"), E_BAD_JSON);
	ck_assert_int_eq(parse("[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]"),
	    E_BAD_JSON);
	ck_assert_int_eq(parse("{\"a\":1,\"A\":2}"), E_OK);
	ck_assert_int_eq(json_get(tree, "A")->valueint, 2);
	ck_assert_ptr_null(json_get(tree, "b"));
}
END_TEST

/* row HB8 */
START_TEST(depth_and_count_have_limits)
{
	ck_assert_int_eq(parse_n(repeat("[", 32, "", "]")), E_OK);
	ck_assert_int_eq(parse_n(repeat("[", 33, "", "]")), E_BAD_JSON);
	ck_assert_int_eq(parse_n(repeat("{\"a\":", 33, "1", "}")),
	    E_BAD_JSON);
	ck_assert_int_eq(parse_n(repeat("[", 60000, "", "")), E_BAD_JSON);
	ck_assert_int_eq(parse_n(arena_fmt(a, "[%s0]",
	    repeat("1,", LIMIT_JSON_NODES - 2, "", "").p)), E_OK);
	ck_assert_int_eq(parse_n(arena_fmt(a, "[%s0]",
	    repeat("1,", LIMIT_JSON_NODES - 1, "", "").p)), E_BAD_JSON);
}
END_TEST

/* row HB8: two texts must not be one number */
START_TEST(numbers_are_what_a_double_holds_exactly)
{
	ck_assert_int_eq(parse("9007199254740991"), E_OK);
	ck_assert_int_eq(parse("9007199254740993"), E_BAD_JSON);
	ck_assert_int_eq(parse("-9007199254740993"), E_BAD_JSON);
	ck_assert_int_eq(parse("1e400"), E_BAD_JSON);
	ck_assert_int_eq(parse_n(repeat("1", 64, "", "")), E_BAD_JSON);
	ck_assert_int_eq(parse_n(arena_fmt(a, "0.%s",
	    repeat("1", 64, "", "").p)), E_BAD_JSON);
}
END_TEST

/* expected texts are those of JSON.stringify in an ECMAScript engine */
START_TEST(numbers_print_as_json_stringify_prints_them)
{
	number(0, "0");
	number(-0.0, "0");
	number(-1, "-1");
	number(2147483648.0, "2147483648");
	number(1700000000123.0, "1700000000123");
	number(9007199254740991.0, "9007199254740991");
	number(-9007199254740992.0, "-9007199254740992");
	number(9007199254740994.0, "9007199254740994");
	number(0.1, "0.1");
	number(1.5, "1.5");
	number(-123456789.125, "-123456789.125");
	number(0.1 + 0.2, "0.30000000000000004");
	number(1e20, "100000000000000000000");
	number(123456789012345680000.0, "123456789012345680000");
	number(1e21, "1e+21");
	number(1.5e300, "1.5e+300");
	number(1e-6, "0.000001");
	number(1.25e-6, "0.00000125");
	number(1e-7, "1e-7");
	number(-1.25e-9, "-1.25e-9");
	number(5e-324, "5e-324");
	number(2.2250738585072014e-308, "2.2250738585072014e-308");
	number(1.7976931348623157e308, "1.7976931348623157e+308");
	/* 2^-44: the nearest 16 digits do not read back, their neighbour does */
	number(0x1p-44, "5.684341886080802e-14");
}
END_TEST

START_TEST(strings_print_as_json_stringify_prints_them)
{
	round_trip("\"\\b\\f\\n\\r\\t\\\"\\\\\\/\"",
	    "\"\\b\\f\\n\\r\\t\\\"\\\\/\"");
	round_trip("\"\\u0001\\u001F\\u007f\"", "\"\\u0001\\u001f\x7f\"");
	round_trip("\"\\u2028\\u00e9\"", "\"\xe2\x80\xa8\xc3\xa9\"");
	round_trip(" { \"a\" : [ 1 , true , null , { } , [ ] ] } ",
	    "{\"a\":[1,true,null,{},[]]}");
}
END_TEST

START_TEST(one_value_has_one_canonical_text)
{
	static const char *const texts[] = {
		"{\"b\":[{\"d\":1,\"c\":\"x\"}],\"a\":null}",
		" { \"a\" : null, \"b\" : [ { \"c\":\"\\u0078\",\"d\":1.0 } ] }",
	};
	cJSON *v;

	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(json_parse(a, str_of(texts[i]), 9, &v, NULL),
		    E_OK);
		ck_str(json_canonical(a, v),
		    "{\"a\":null,\"b\":[{\"c\":\"x\",\"d\":1}]}");
	}
}
END_TEST

START_TEST(built_trees_print_and_hold_only_text)
{
	cJSON *o;

	json_use(a);
	o = json_object();
	json_add_str(o, "none", STR_NONE);
	json_add_str(o, "empty", STR(""));
	json_add_str(o, "cut", (struct str){ "abcdef", 3 });
	json_add_str(o, "bytes", (struct str){ "a\xff\0\xe2\x82z", 6 });
	json_add_int(o, "int", -5);
	json_add_int(o, "huge", INT64_MAX);
	json_add_bool(o, "yes", true);
	json_add_time(o, "at", INT64_C(1700000000123456));
	json_add_time(o, "never", 0);
	ck_str(json_print(a, o), "{\"none\":null,\"empty\":\"\","
	    "\"cut\":\"abc\",\"bytes\":\"a\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd\xef\xbf\xbdz\",\"int\":-5,"
	    "\"huge\":\"9223372036854775807\",\"yes\":true,"
	    "\"at\":\"2023-11-14T22:13:20.123Z\",\"never\":null}");
}
END_TEST

START_TEST(an_answer_above_its_limit_is_none)
{
	struct str piece = repeat("x", 1 << 18, "", "");
	cJSON *list, *v;

	json_use(a);
	list = json_array();
	v = json_str(piece);
	for (size_t i = 0; i <= LIMIT_ANSWER / piece.n; i++)
		json_push(list, cJSON_CreateStringReference(v->valuestring));
	ck_assert_ptr_null(json_print(a, list).p);
}
END_TEST

UNIT("base/json/json", text_outside_the_grammar_is_refused,
    nothing_may_stand_behind_the_value,
    no_nul_gets_into_a_string_in_any_spelling, strings_are_text,
    one_name_twice_is_refused_however_it_is_spelt,
    depth_and_count_have_limits, numbers_are_what_a_double_holds_exactly,
    numbers_print_as_json_stringify_prints_them,
    strings_print_as_json_stringify_prints_them,
    one_value_has_one_canonical_text, built_trees_print_and_hold_only_text,
    an_answer_above_its_limit_is_none)
