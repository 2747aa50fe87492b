/* What a provider of SMS is sent. */
#include "unit.h"

#include "base/json.h"
#include "queue/sms_request.h"

static const struct config twilio = { .twilio_sid = "AC1",
	.twilio_token = "secret", .twilio_from = "+15005550006",
	.twilio_url = "https://api.twilio.com", .sms_http_url = "",
	.sms_http_token = "" };
static const struct config other = { .twilio_sid = "", .twilio_token = "",
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
	    &why));
	return r;
}

START_TEST(twilio_gets_its_form)
{
	struct sms_request r = request(&twilio,
	    "{\"to\":\"+4930123\",\"text\":\"1 & 2\\n@h #3\"}");

	ck_str(str_of(r.url), "https://api.twilio.com/2010-04-01/Accounts/"
	    "AC1/Messages.json");
	ck_str(str_of(r.headers[0]), "Authorization: Basic QUMxOnNlY3JldA==");
	ck_str(r.body, "To=%2B4930123&From=%2B15005550006&"
	    "Body=1%20%26%202%0A%40h%20%233");
}
END_TEST

START_TEST(a_messaging_service_is_named_as_one)
{
	struct config c = twilio;
	struct sms_request r;

	c.twilio_from = "MG0123";
	r = request(&c, "{\"to\":\"+4930123\",\"text\":\"x\"}");
	ck_str(r.body, "To=%2B4930123&MessagingServiceSid=MG0123&Body=x");
}
END_TEST

START_TEST(another_provider_gets_json_and_one_key_for_all_tries)
{
	struct sms_request r = request(&other,
	    "{\"to\":\"+4930123\",\"text\":\"x\"}");

	ck_str(str_of(r.url), "https://sms.example/send");
	ck_str(str_of(r.headers[1]), "Idempotency-Key: job-1");
	ck_str(str_of(r.headers[2]), "Authorization: Bearer token");
	ck_assert_ptr_null(r.headers[3]);
	ck_str(r.body, "{\"to\":\"+4930123\",\"text\":\"x\"}");
}
END_TEST

START_TEST(a_payload_that_is_no_message_is_refused)
{
	static const char *const bad[] = { "", "[]", "{}", "\"x\"",
		"{\"to\":\"+1\"}", "{\"text\":\"x\"}",
		"{\"to\":1,\"text\":\"x\"}", "{\"to\":\"\",\"text\":\"x\"}" };
	struct sms_request r;
	const char *why;

	json_use(a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert(!sms_request_make(a, &twilio, STR("j"),
		    str_of(bad[i]), &r, &why));
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

UNIT("queue/sms", twilio_gets_its_form, a_messaging_service_is_named_as_one,
    another_provider_gets_json_and_one_key_for_all_tries,
    a_payload_that_is_no_message_is_refused,
    without_a_provider_nothing_is_possible)
