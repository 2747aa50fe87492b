/* What a provider of SMS is sent, and what it says. */
#include "tests/unit/unit.h"

#include "base/json/json.h"
#include "worker/message/message.h"
#include "worker/sms/sms_request.h"
#include "worker/sms/sms_template.h"

#define SERVICE .name = "Vignette", .template_dir = TESTDIR "/../templates", \
	.public_url = "https://auth.example.test:8443/base"
#define CODE "{\"template\":\"factor-code\",\"to\":\"+4930123\"," \
	"\"language\":\"de\",\"vars\":{\"code\":\"123456\",\"minutes\":10}}"

static const struct config twilio = { SERVICE, .twilio_sid = "AC1",
	.twilio_token = "secret", .twilio_from = "+15005550006",
	.twilio_url = "https://api.twilio.com", .sms_http_url = "",
	.sms_http_token = "" };
static const struct config other = { SERVICE, .twilio_sid = "", .twilio_token = "",
	.twilio_from = "", .twilio_url = "",
	.sms_http_url = "https://sms.example/send",
	.sms_http_token = "token" };

static struct sms_request
request(const struct config *c, const char *payload)
{
	struct sms_request r;
	const char *why;

	json_use(a);
	ck_assert(sms_request_make(a, c, STR("job-1"), str_of(payload), &r,
	    &why) == E_OK);
	return r;
}

START_TEST(twilio_gets_its_form)
{
	struct sms_request r = request(&twilio, CODE);

	ck_str(str_of(r.url), "https://api.twilio.com/2010-04-01/Accounts/"
	    "AC1/Messages.json");
	ck_str(str_of(r.headers[0]), "Authorization: Basic QUMxOnNlY3JldA==");
	ck_str(r.body, "To=%2B4930123&From=%2B15005550006&"
	    "Body=123456%20ist%20Ihr%20Code%20f%C3%BCr%20Vignette.%20Er%20gilt"
	    "%2010%20Minuten.%0A%0A%40auth.example.test%20%23123456");
}
END_TEST

START_TEST(a_messaging_service_is_named_as_one)
{
	struct config c = twilio;
	struct sms_request r;

	c.twilio_from = "MG0123";
	r = request(&c, CODE);
	ck_assert(str_starts(r.body, STR("To=%2B4930123&MessagingServiceSid="
	    "MG0123&Body=123456")));
}
END_TEST

START_TEST(another_provider_gets_json_and_one_key_for_all_tries)
{
	struct sms_request r = request(&other, CODE);

	ck_str(str_of(r.url), "https://sms.example/send");
	ck_str(str_of(r.headers[1]), "Idempotency-Key: job-1");
	ck_str(str_of(r.headers[2]), "Authorization: Bearer token");
	ck_assert_ptr_null(r.headers[3]);
	ck_str(r.body, "{\"to\":\"+4930123\",\"text\":\"123456 ist Ihr Code "
	    "für Vignette. Er gilt 10 Minuten.\\n\\n"
	    "@auth.example.test #123456\"}");
}
END_TEST

START_TEST(a_payload_that_is_no_message_is_refused)
{
	static const char *const bad[] = { "", "[]", "{}", "\"x\"",
		"{\"to\":\"+1\"}", "{\"template\":\"factor-code\"}",
		"{\"to\":1,\"template\":\"factor-code\"}",
		"{\"to\":\"\",\"template\":\"factor-code\"}" };
	static const char *const none[] = {
		"{\"to\":\"+1\",\"template\":\"verify\"}",
		"{\"to\":\"+1\",\"template\":\"../sms/factor-code\"}" };
	struct sms_request r;
	const char *why;

	json_use(a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(sms_request_make(a, &twilio, STR("j"),
		    str_of(bad[i]), &r, &why) == E_VALIDATION, "%s", bad[i]);
	/* A text that is not there may come. */
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_msg(sms_request_make(a, &twilio, STR("j"),
		    str_of(none[i]), &r, &why) == E_UNAVAILABLE, "%s",
		    none[i]);
}
END_TEST

/* One of the installed texts, of a service with this name and host. */
static struct str
text_of(const char *name, const char *language, const char *brand,
    const char *host)
{
	struct config c = twilio;
	struct message_source source;
	const char *why = NULL;
	struct str text;
	cJSON *vars;

	json_use(a);
	vars = json_object();
	json_add_str(vars, "code", STR("123456"));
	json_add_int(vars, "minutes", 10);
	c.name = brand;
	c.public_url = host;
	source = message_source(&c);
	ck_assert_msg(sms_template_render(a, &source.templates, str_of(name),
	    str_of(language), message_values(&source, STR_NONE, vars), &text,
	    &why), "%s", why);
	return text;
}

/* The limits that templates/README.md names: forty characters each. */
START_TEST(each_text_is_one_message_up_to_the_limits)
{
	static const char *const names[] = { "factor-code", "recovery-code",
		"recovery-done" }, *const languages[] = { "en", "de" };

	for (size_t i = 0; i < 6; i++) {
		struct str text = text_of(names[i / 2], languages[i % 2],
		    "A name of forty characters, which is lon",
		    "https://a-host-of-forty-characters1.example.test/");
		struct sms_size size = sms_template_size(text);

		ck_assert_msg(size.parts == 1 && size.characters <= 160,
		    "%.*s", STR_FMT(text));
	}
}
END_TEST

/* Row OT7: what telephones read stands first, and bound to the host last. */
START_TEST(a_code_stands_first_and_its_host_last)
{
	static const char *const names[] = { "factor-code", "recovery-code" },
		*const languages[] = { "en", "de" };

	for (size_t i = 0; i < 4; i++) {
		const char *name = names[i / 2], *language = languages[i % 2];

		ck_assert(str_starts(text_of(name, language, "V",
		    "https://a.test:1/x"), STR("123456 ")));
		ck_assert(str_ends(text_of(name, language, "V",
		    "https://a.test:1/x"), STR(".\n\n@a.test #123456")));
		ck_assert(str_ends(text_of(name, language, "V",
		    "http://[::1]:8001"), STR(".\n\n@[::1] #123456")));
		/* Without one, and whatever the service is called. */
		ck_assert(str_ends(text_of(name, language, "V\n@evil #9", ""),
		    STR(".")));
		ck_assert_ptr_null(memchr(text_of(name, language,
		    "V\n@evil #9", "").p, '\n', 20));
	}
}
END_TEST

START_TEST(an_sms_is_counted_as_networks_count_it)
{
	static const struct {
		const char *one;
		size_t times, characters, parts;
	} cases[] = { { "a", 160, 160, 1 }, { "a", 161, 161, 2 },
		{ "ä", 160, 160, 1 }, { "@", 306, 306, 2 },
		{ "a", 307, 307, 3 }, { "\n", 160, 160, 1 },
		{ "€", 80, 160, 1 }, { "€", 81, 162, 2 }, { "[", 80, 160, 1 },
		{ "`", 70, 70, 1 }, { "`", 71, 71, 2 }, { "ц", 70, 70, 1 },
		{ "…", 134, 134, 2 }, { "…", 135, 135, 3 },
		{ "😀", 35, 70, 1 }, { "😀", 36, 72, 2 },
		{ "\xff", 70, 70, 1 }, { "a\t", 35, 70, 1 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = buf_new(a, 4096);
		struct sms_size size;

		for (size_t n = 0; n < cases[i].times; n++)
			buf_add(&b, str_of(cases[i].one));
		size = sms_template_size(buf_str(&b));
		ck_assert_msg(size.characters == cases[i].characters &&
		    size.parts == cases[i].parts, "%zu: %zu, %zu", i,
		    size.characters, size.parts);
	}
	ck_assert_uint_eq(sms_template_size(STR("\xf0\x9f")).parts, 1);
}
END_TEST

START_TEST(without_a_provider_nothing_is_possible)
{
	struct config c = other;

	ck_assert(sms_request_possible(&twilio));
	ck_assert(sms_request_possible(&other));
	c.sms_http_url = "";
	ck_assert(!sms_request_possible(&c));
}
END_TEST

UNIT("worker/sms/sms", twilio_gets_its_form,
    a_messaging_service_is_named_as_one,
    another_provider_gets_json_and_one_key_for_all_tries,
    a_payload_that_is_no_message_is_refused,
    each_text_is_one_message_up_to_the_limits,
    a_code_stands_first_and_its_host_last,
    an_sms_is_counted_as_networks_count_it,
    without_a_provider_nothing_is_possible)
