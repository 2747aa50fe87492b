/* Mails and messages on their way, and how far they are behind. */
#include "tests/unit/core/core.h"

#include "core/outgoing/backlog.h"
#include "core/outgoing/mail.h"

static void
send_mail(bool unproved)
{
	struct mail m = { .template = "reset", .to = STR("ann@example.com"),
		.name = STR("Ann"), .unproved = unproved, .vars = mail_where(
		&x) };
	struct job_draft d;

	json_add_str(m.vars, "user_agent", STR("chosen"));
	d = mail_draft(&x, &m);
	core_sql("insert into jobs (id, kind, payload) values ('%s', '%s', "
	    "'\\x%s')", arena_cstr(x.arena, d.id), arena_cstr(x.arena,
	    d.kind), hex_encode(x.arena, d.sealed).p);
}

/* Row HT4: to who has not shown that he reads it, nothing of a client's. */
START_TEST(an_unproved_address_gets_no_word_of_a_client)
{
	send_mail(false);
	ck_str(core_mail("reset", NULL, "user_agent"), "chosen");
	send_mail(true);
	ck_assert_ptr_null(core_mail("reset", NULL, "user_agent").p);
	ck_str(core_mail("reset", NULL, "ip"), "192.0.2.7");
	config.rate_limiting = true;
	ck_assert_uint_gt(mail_draft(&x, &(struct mail){ .template = "x",
	    .to = STR("a@example.com"), .unproved = true }).cap.bucket.n, 0);
	ck_assert_uint_eq(mail_draft(&x, &(struct mail){ .template = "x",
	    .to = STR("a@example.com"), .unproved = true,
	    .counted = true }).cap.bucket.n, 0);
}
END_TEST

/* Row LG11: each proved address once, and no more than there is room for. */
START_TEST(a_notice_goes_to_each_address_that_is_known)
{
	struct person p = core_person("ann");
	struct job_draft jobs[MAIL_ADDRESSES];
	struct addressee to;
	size_t n = 0;

	core_sql("insert into recovery_methods (id, user_id, type, value, "
	    "verified_at) select gen_random_uuid(), '%s', 'email', i || "
	    "'@example.org', now() from generate_series(1, 20) i",
	    p.account.id.p);
	ck_ok(mail_addressee(&x, p.account.id, &to));
	ck_assert(to.proved);
	ck_str(to.name, "ann");
	mail_each(&x, &to, "factor", NULL, jobs, &n);
	ck_assert_uint_eq(n, MAIL_ADDRESSES);
	ck_ok(mail_addressee(&x, uuid_text(x.arena, uuid_v7()), &to));
	ck_assert_uint_eq(to.addresses.n, 0);
	n = 0;
	mail_each(&x, &to, "factor", NULL, jobs, &n);
	ck_assert_uint_eq(n, 0);
}
END_TEST

static void
add_jobs(int n, const char *due)
{
	core_sql("insert into jobs (id, kind, payload, run_at) select "
	    "gen_random_uuid(), 'mail', 'x', %s from generate_series(1, %d)",
	    due, n);
}

/* Row RE11. */
START_TEST(a_backlog_is_alarming_by_age_or_number)
{
	struct backlog b;
	struct backlog_kind *kinds;
	size_t n;

	config.queue_alarm_depth = 3;
	config.queue_alarm_age = 60 * CLOCK_SECOND;
	ck_ok(backlog_look(x.db, x.arena, &config, &b));
	ck_assert(!b.alarm && b.jobs.due == 0);
	add_jobs(3, "now()");
	add_jobs(2, "now() + interval '1 hour'");
	ck_ok(backlog_look(x.db, x.arena, &config, &b));
	ck_assert(!b.alarm && b.jobs.due == 3);
	ck_ok(backlog_recent(&x, &b));
	ck_assert_int_eq(b.jobs.due, 3);
	add_jobs(1, "now()");
	ck_ok(backlog_look(x.db, x.arena, &config, &b));
	ck_assert(b.alarm);
	config.queue_alarm_depth = 0;
	ck_ok(backlog_look(x.db, x.arena, &config, &b));
	ck_assert(!b.alarm);
	core_sql("update jobs set run_at = now() - interval '2 minutes' "
	    "where id = (select max(id::text)::uuid from jobs where run_at "
	    "<= now())");
	ck_ok(backlog_look(x.db, x.arena, &config, &b));
	ck_assert(b.alarm && b.jobs.oldest > 60 * CLOCK_SECOND);
	config.queue_alarm_age = 0;
	ck_ok(backlog_look(x.db, x.arena, &config, &b));
	ck_assert(!b.alarm);
	ck_ok(backlog_kinds(x.db, x.arena, &kinds, &n));
	for (size_t i = 0; i < n; i++)
		if (str_eq(kinds[i].kind, STR("mail")))
			ck_assert(kinds[i].ready == 6 && kinds[i].due == 4 &&
			    kinds[i].dead == 0);
}
END_TEST

CORE_TESTS(mail, an_unproved_address_gets_no_word_of_a_client,
    a_notice_goes_to_each_address_that_is_known,
    a_backlog_is_alarming_by_age_or_number)
