#include "tests/unit/unit.h"

#include "worker/message/template.h"

static const char *why;

static bool
partial(void *arg, struct str name, struct str *text)
{
	(void)arg;
	if (str_eq(name, STR("who")))
		*text = STR("[{{name}}]");
	else if (str_eq(name, STR("loop")))
		*text = STR("x{{> loop}}");
	else
		return false;
	return true;
}

static struct str
render(enum template_kind kind, const char *text, const char *json)
{
	struct str out = STR_NONE;
	cJSON *v = NULL;

	json_use(a);
	ck_assert_int_eq(json_parse(a, str_of(json), 16, &v, NULL), E_OK);
	why = NULL;
	if (!template_render(a, kind, str_of(text), v, partial, NULL, &out,
	    &why))
		return STR_NONE;
	return out;
}

#define TEXT(text, json) render(TEMPLATE_TEXT, (text), (json))
#define HTML(text, json) render(TEMPLATE_HTML, (text), (json))
#define HEADER(text, json) render(TEMPLATE_HEADER, (text), (json))

/* Cases named after those of the public Mustache specification. */
START_TEST(variables_print_as_the_specification_has_it)
{
	ck_str(TEXT("Hello, {{subject}}!", "{\"subject\":\"world\"}"),
	    "Hello, world!");
	ck_str(TEXT("{{n}} {{ n }} {{f}}", "{\"n\":85,\"f\":1.21}"),
	    "85 85 1.21");
	ck_str(TEXT("I ({{nothing}}) {{null}}.", "{\"null\":null}"),
	    "I () .");
	ck_str(TEXT("{{a.b.c}}|{{a.x.c}}", "{\"a\":{\"b\":{\"c\":\"v\"}}}"),
	    "v|");
	ck_str(TEXT("no tags } { }} here", "{}"), "no tags } { }} here");
}
END_TEST

START_TEST(sections_follow_what_their_value_is)
{
	ck_str(TEXT("{{#b}}yes{{/b}}{{^b}}no{{/b}}", "{\"b\":true}"), "yes");
	ck_str(TEXT("{{#b}}yes{{/b}}{{^b}}no{{/b}}", "{\"b\":false}"), "no");
	ck_str(TEXT("{{#b}}yes{{/b}}{{^b}}no{{/b}}", "{\"b\":\"\"}"), "no");
	ck_str(TEXT("{{#b}}yes{{/b}}{{^b}}no{{/b}}", "{}"), "no");
	ck_str(TEXT("{{#l}}<{{.}}>{{/l}}", "{\"l\":[1,2,\"c\"]}"),
	    "<1><2><c>");
	ck_str(TEXT("{{#l}}{{n}}{{o}} {{/l}}",
	    "{\"o\":\"!\",\"l\":[{\"n\":1},{\"n\":2,\"o\":\"?\"}]}"),
	    "1! 2? ");
	ck_str(TEXT("{{#l}}x{{/l}}{{^l}}none{{/l}}", "{\"l\":[]}"), "none");
	ck_str(TEXT("{{#a}}{{#b}}{{c}}{{/b}}{{/a}}",
	    "{\"a\":{\"b\":{\"c\":7}}}"), "7");
	ck_str(TEXT("{{#a}}1{{#a}}2{{/a}}3{{/a}}", "{\"a\":true}"), "123");
}
END_TEST

START_TEST(a_tag_alone_takes_its_line)
{
	ck_str(TEXT("a\n{{#b}}\nb\n{{/b}}\nc\n", "{\"b\":true}"), "a\nb\nc\n");
	ck_str(TEXT("a\n  {{#b}}\nb\n  {{/b}}\t\nc", "{\"b\":false}"), "a\nc");
	ck_str(TEXT("a\r\n{{! note }}\r\nb", "{}"), "a\r\nb");
	ck_str(TEXT("a {{! note }}\nb", "{}"), "a \nb");
	ck_str(TEXT("{{#b}}x{{/b}}\ny", "{\"b\":true}"), "x\ny");
	ck_str(TEXT("{{name}}\n", "{\"name\":\"n\"}"), "n\n");
}
END_TEST

START_TEST(partials_see_the_same_values)
{
	ck_str(TEXT("a {{> who}} b", "{\"name\":\"Ann\"}"), "a [Ann] b");
	ck_str(HTML("{{>who}}", "{\"name\":\"<\"}"), "[&lt;]");
	ck_assert_ptr_null(TEXT("{{> missing}}", "{}").p);
}
END_TEST

/* Row HT4. */
START_TEST(values_cannot_leave_their_place_in_html)
{
	ck_str(HTML("<a title=\"{{x}}\">",
	    "{\"x\":\"\\\"><script>alert('1')</script>&`\"}"),
	    "<a title=\"&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)"
	    "&lt;/script&gt;&amp;&#96;\">");
	ck_str(HTML("{{x}}", "{\"x\":\"{{y}}\",\"y\":\"no\"}"), "{{y}}");
	ck_assert_ptr_null(HTML("{{{x}}}", "{\"x\":\"<b>\"}").p);
	ck_assert_str_eq(why, "a raw variable outside a text");
}
END_TEST

/* Rows HT4, RE6: a display name fuzzed through all contexts. */
START_TEST(values_cannot_make_a_line_in_text_or_header)
{
	ck_str(TEXT("Hi {{x}}.", "{\"x\":\"a\\r\\nBcc: b\\tc\"}"),
	    "Hi a  Bcc: b c.");
	ck_str(HEADER("Hi {{x}}", "{\"x\":\"a\\r\\nBcc: b\"}"), "Hi a Bcc: b");
	ck_assert_ptr_null(HEADER("{{{x}}}", "{\"x\":\"a\\r\\nb\"}").p);
	ck_str(TEXT("{{{x}}}", "{\"x\":\"a\\nb\"}"), "a\nb");
}
END_TEST

START_TEST(a_url_part_is_percent_encoded)
{
	ck_str(TEXT("?t={{url:x}}", "{\"x\":\"a&b=c d/ä\"}"),
	    "?t=a%26b%3Dc%20d%2F%C3%A4");
	ck_str(HTML("{{url:x}}", "{\"x\":\"\\\"<>\"}"), "%22%3C%3E");
}
END_TEST

START_TEST(malformed_templates_are_refused_with_a_reason)
{
	static const char *const bad[] = { "{{#a}}", "{{/a}}", "{{a",
		"{{#a}}{{/b}}", "{{}}", "{{ }}", "{{{a}}", "{{a b}}",
		"{{#a}}{{#b}}{{/a}}{{/b}}", "{{=<% %>=}}", "{{&a}}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(TEXT(bad[i], "{\"a\":1,\"b\":1}").p == NULL,
		    "%s", bad[i]);
		ck_assert_ptr_nonnull(why);
	}
}
END_TEST

START_TEST(recursion_and_size_have_an_end)
{
	struct str out;
	cJSON *list;

	ck_assert_ptr_null(TEXT("{{> loop}}", "{}").p);
	ck_assert_str_eq(why, "nested too deep");
	json_use(a);
	list = json_array();
	for (int i = 0; i < 1000; i++)
		json_push(list, json_int(i));
	why = NULL;
	cJSON *v = json_object();
	json_add(v, "l", list);
	ck_assert(!template_render(a, TEMPLATE_TEXT,
	    STR("{{#l}}{{#l}}{{#l}}.{{/l}}{{/l}}{{/l}}"), v, NULL, NULL, &out,
	    &why));
	ck_assert_str_eq(why, "result too long");
}
END_TEST

UNIT("worker/message/template", variables_print_as_the_specification_has_it,
    sections_follow_what_their_value_is, a_tag_alone_takes_its_line,
    partials_see_the_same_values, values_cannot_leave_their_place_in_html,
    values_cannot_make_a_line_in_text_or_header,
    a_url_part_is_percent_encoded,
    malformed_templates_are_refused_with_a_reason,
    recursion_and_size_have_an_end)
