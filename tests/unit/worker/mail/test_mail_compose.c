#include "tests/unit/unit.h"

#include "base/clock.h"
#include "worker/circuit.h"
#include "worker/job/job.h"
#include "worker/mail/mail_compose.h"

static struct config
settings(void)
{
	return (struct config){ .name = "Vignette", .mail_from = "",
		.public_url = "https://auth.example.test:8443/base",
		.template_dir = TESTDIR "/../templates" };
}

static struct mail_sender
sender(void)
{
	struct config c = settings();
	struct mail_sender s;
	const char *why;

	ck_assert(mail_sender(a, &c, &s, &why));
	return s;
}

static enum err
composing(const char *payload, struct mail *out)
{
	struct mail_sender s = sender();
	const char *why = NULL;
	enum err e;

	json_use(a);
	e = mail_compose(a, &s, STR("0192-id"), INT64_C(1700000000000000),
	    str_of(payload), out, &why);
	ck_assert(e == E_OK || why != NULL);
	return e;
}

static bool
compose(const char *payload, struct mail *out)
{
	return composing(payload, out) == E_OK;
}

static bool
has(struct str s, const char *needle)
{
	return s.n && memmem(s.p, s.n, needle, strlen(needle)) != NULL;
}

START_TEST(the_sender_comes_from_the_settings_only)
{
	static const struct {
		const char *from, *url, *address, *name;
	} cases[] = {
		{ "", "https://a.test/x", "no-reply@a.test", "Vignette" },
		{ "", "http://127.0.0.1:8001", "no-reply@localhost",
		    "Vignette" },
		{ "", "http://[::1]:8001", "no-reply@localhost", "Vignette" },
		{ "", "", "no-reply@localhost", "Vignette" },
		{ "m@b.test", "https://a.test", "m@b.test", "Vignette" },
		{ "Us <m@b.test>", "https://a.test", "m@b.test", "Us" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config c = settings();
		struct mail_sender s;
		const char *why;

		c.mail_from = cases[i].from;
		c.public_url = cases[i].url;
		ck_assert(mail_sender(a, &c, &s, &why));
		ck_str(s.address, cases[i].address);
		ck_str(s.name, cases[i].name);
	}
}
END_TEST

START_TEST(a_sender_that_is_no_address_is_refused_by_the_name_of_its_setting)
{
	struct config c = settings();
	struct mail_sender s;
	const char *why = "";

	c.mail_from = "m@b.test\r\nBcc: x@y";
	ck_assert(!mail_sender(a, &c, &s, &why));
	ck_assert(has(str_of(why), "smtp.from"));
}
END_TEST

/* Row HT7. */
START_TEST(a_greeting_is_a_name_and_no_link)
{
	static const char *const names[] = { "Ann", "Zoë", "J. R. Hartley",
		"O'Neil", "Anne-Marie", "李小龍" };
	static const char *const others[] = { "", "evil.test", "www.evil.test",
		"http://evil.test", "a/b", "a@b", "<b>", "You won! Click",
		"Ann\r\nBcc: x", "a:b", "\xff",
		"Annnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_str(message_greeting(str_of(names[i])), names[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(message_greeting(str_of(others[i])).p == NULL,
		    "%s", others[i]);
}
END_TEST

START_TEST(vars_cannot_replace_what_the_service_says_of_itself)
{
	struct mail m;

	ck_assert(compose("{\"template\":\"verify\",\"to\":\"a@x.test\","
	    "\"vars\":{\"code\":\"418302\",\"minutes\":10,\"brand\":\"Evil\","
	    "\"public_url\":\"https://evil.test\",\"name\":\"evil.test\"}}",
	    &m));
	ck_assert(!has(m.message, "Evil") && !has(m.message, "evil"));
	ck_assert(has(m.message, "Vignette") && has(m.message, "418302"));
}
END_TEST

START_TEST(a_payload_that_is_no_mail_is_refused)
{
	static const char *const bad[] = { "", "{", "[]", "null", "{}",
		"{\"template\":\"verify\"}", "{\"to\":\"a@x.test\"}",
		"{\"template\":\"verify\",\"to\":\"a@x.test\\r\\nb\"}",
		"{\"template\":7,\"to\":\"a@x.test\"}" };
	struct mail m;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(composing(bad[i], &m) == E_VALIDATION, "%s",
		    bad[i]);
}
END_TEST

START_TEST(a_template_that_is_not_there_may_come)
{
	static const char *const none[] = {
		"{\"template\":\"../verify\",\"to\":\"a@x.test\"}",
		"{\"template\":\"missing\",\"to\":\"a@x.test\"}",
		"{\"template\":\"_head\",\"to\":\"a@x.test\"}" };
	struct mail m;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_msg(composing(none[i], &m) == E_UNAVAILABLE, "%s",
		    none[i]);
}
END_TEST

START_TEST(a_language_cannot_leave_the_template_directory)
{
	struct mail m;

	ck_assert(compose("{\"template\":\"verify\",\"to\":\"a@x.test\","
	    "\"language\":\"../../etc\",\"vars\":{\"code\":\"418302\"}}", &m));
	ck_assert(compose("{\"template\":\"verify\",\"to\":\"a@x.test\","
	    "\"language\":\"xx-YY,en;q=0.1\",\"vars\":{\"code\":\"1\"}}", &m));
}
END_TEST

/* The text of the mail erase for one who prefers accept. */
static struct str
erase(const char *accept, const char *when)
{
	struct mail_sender s = sender();
	struct mail_text text;
	const char *why = NULL;
	cJSON *vars;

	json_use(a);
	vars = json_object();
	json_add_str(vars, "when", str_of(when));
	json_add_str(vars, "until", STR("2026-02-01T00:30:00.000+01:00"));
	json_add_str(vars, "user_agent", STR("2026-01-02T03:04:05Z"));
	ck_assert(mail_template_render(a, &s.source.templates, STR("erase"),
	    str_of(accept), message_values(&s.source, STR_NONE, vars), &text,
	    &why));
	ck_assert(has(text.html, "UTC"));
	return text.text;
}

START_TEST(times_are_said_as_the_language_of_the_mail_says_them)
{
	static const struct {
		const char *accept, *when, *until;
	} cases[] = {
		{ "", "When:    2026-01-02 03:04 UTC",
		    "2026-01-31 23:30 UTC" },
		{ "fr, en;q=0.5", "When:    2026-01-02 03:04 UTC",
		    "2026-01-31 23:30 UTC" },
		{ "de-AT,de;q=0.9", "Wann:    02.01.2026, 03:04 Uhr (UTC)",
		    "31.01.2026, 23:30 Uhr (UTC)" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = erase(cases[i].accept,
		    "2026-01-02T03:04:05.678Z");

		ck_assert(has(text, cases[i].when));
		ck_assert(has(text, cases[i].until));
		/* What is no time of ours stays what somebody sent. */
		ck_assert(has(text, "2026-01-02T03:04:05Z"));
		ck_assert(has(erase(cases[i].accept, "soon"), ":    soon\n"));
	}
}
END_TEST

START_TEST(the_back_off_doubles_up_to_six_hours_and_fills_five_days)
{
	int64_t sum = 0;

	for (int n = 0; n < 40; n++) {
		int64_t base = n < 12 ? (INT64_C(10) << n) : 21600;

		if (base > 21600)
			base = 21600;
		for (int i = 0; i < 50; i++) {
			int64_t t = job_backoff(n) / CLOCK_MS;

			ck_assert_int_ge(t, base * 800);
			ck_assert_int_le(t, base * 1200);
		}
		if (n > 0 && n < 30)
			sum += base;
	}
	/* Row RE6: 30 attempts, which are a little less than five days. */
	ck_assert_int_ge(sum, 4 * 86400);
	ck_assert_int_le(sum, 5 * 86400);
	ck_assert_int_gt(job_backoff(1000000), 0);
}
END_TEST

START_TEST(a_relay_that_is_away_is_looked_for_every_two_seconds)
{
	struct circuit c = { 0 };

	for (int i = 0; i < 100; i++) {
		circuit_fail(&c, 0, false);
		ck_assert(c.open);
		ck_assert_int_le(c.probe_at, 2 * CLOCK_SECOND);
		ck_assert(!circuit_due(&c, c.probe_at - 1));
		ck_assert(circuit_due(&c, c.probe_at));
	}
	ck_assert(circuit_close(&c));
	ck_assert(!circuit_close(&c));
	ck_assert(!circuit_due(&c, INT64_MAX));
}
END_TEST

START_TEST(a_relay_that_refuses_us_is_asked_less_and_less)
{
	struct circuit c = { 0 };
	int64_t before = 0;

	for (int i = 0; i < 100; i++) {
		circuit_fail(&c, 0, true);
		ck_assert_int_ge(c.probe_at, before);
		before = c.probe_at;
	}
	ck_assert_int_eq(before, 30 * CLOCK_SECOND);
}
END_TEST

UNIT("worker/mail/mail_compose", the_sender_comes_from_the_settings_only,
    a_sender_that_is_no_address_is_refused_by_the_name_of_its_setting,
    a_greeting_is_a_name_and_no_link,
    vars_cannot_replace_what_the_service_says_of_itself,
    a_payload_that_is_no_mail_is_refused,
    a_template_that_is_not_there_may_come,
    a_language_cannot_leave_the_template_directory,
    times_are_said_as_the_language_of_the_mail_says_them,
    the_back_off_doubles_up_to_six_hours_and_fills_five_days,
    a_relay_that_is_away_is_looked_for_every_two_seconds,
    a_relay_that_refuses_us_is_asked_less_and_less)
