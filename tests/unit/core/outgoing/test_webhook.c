/* Webhooks of a user: rows WH1, WH7, WH12, WH13. */
#include "tests/unit/core/core.h"

#include "core/outgoing/webhook.h"
#include "crypto/seal.h"

static const struct str logins[] = { STR("user.login"),
	STR("user.logout") };

static const struct webhook_wish wish = { .url = STR(
    "https://hook.example.com/a"), .events = logins, .nevents = 2 };

static struct webhook
make_hook(const struct person *p, struct str *secret)
{
	struct webhook w;

	ck_ok(webhook_create(&x, p->account.id, &wish, &w, secret));
	return w;
}

static struct webhook
look(const struct person *p, struct str id)
{
	struct webhook *w;
	int64_t total;
	size_t n;

	ck_ok(webhook_list(&x, p->account.id, id, false, 1, 0, &w, &n,
	    &total));
	return w[0];
}

/* Row WH7: shown once, sealed to its row. */
START_TEST(a_secret_is_shown_once_and_sealed)
{
	struct person p = core_person("ann");
	struct str secret, sealed, opened;
	struct webhook w = make_hook(&p, &secret);

	ck_assert(str_starts(secret, STR("whsec_")));
	ck_assert(b64_decode(x.arena, str_slice(secret, 6, secret.n),
	    &opened));
	ck_assert_uint_eq(opened.n, 32);
	ck_assert(hex_decode(x.arena, text("%s", core_sql("select "
	    "encode(secret, 'hex') from webhooks")), &sealed));
	ck_ok(unseal(x.arena, x.keys, webhook_bound(x.arena, w.id), sealed,
	    &opened));
	ck_assert(str_eq(opened, secret));
	ck_err(unseal(x.arena, x.keys, webhook_bound(x.arena,
	    uuid_text(x.arena, uuid_v7())), sealed, &opened), E_INTERNAL);
	w = look(&p, w.id);
	ck_str(w.url, "https://hook.example.com/a");
	ck_str(w.events, "user.login,user.logout");
	ck_assert(w.is_active && !w.everyone && w.waiting == 0);
}
END_TEST

START_TEST(a_wish_that_cannot_be_is_refused_by_its_field)
{
	static const struct str odd[] = { STR("user.login"),
		STR("user.flies") };
	struct person p = core_person("ann");
	struct webhook_wish w = wish;
	struct webhook out;
	struct str secret;

	w.events = odd;
	ck_err(webhook_create(&x, p.account.id, &w, &out, &secret),
	    E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "events");
	w = wish;
	w.url = STR("http://hook.example.com/");
	ck_err(webhook_create(&x, p.account.id, &w, &out, &secret),
	    E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "url");
	ck_sql("0", "select count(*) from webhooks");
}
END_TEST

START_TEST(an_account_has_twenty_webhooks)
{
	struct person p = core_person("ann");
	struct webhook w;
	struct str secret;

	for (int i = 0; i < 20; i++)
		make_hook(&p, &secret);
	ck_err(webhook_create(&x, p.account.id, &wish, &w, &secret),
	    E_VALIDATION);
	ck_said("20");
}
END_TEST

/* Row RE8. */
START_TEST(the_same_key_makes_one_webhook)
{
	struct person p = core_person("ann");
	struct str secret;

	x.idempotency_seed = uuid_text(x.arena, uuid_v7());
	make_hook(&p, &secret);
	make_hook(&p, &secret);
	ck_sql("1", "select count(*) from webhooks");
}
END_TEST

/* Row WH13: of everybody hears who may see everybody, never by a key. */
START_TEST(who_may_see_all_hears_of_all_but_not_by_a_key)
{
	struct person p = core_holder("ann", "admin");
	struct webhook_wish own = wish;
	struct webhook w, *list;
	struct str secret;
	int64_t total;
	size_t n;

	own.own_only = true;
	w = make_hook(&p, &secret);
	ck_assert(w.everyone);
	ck_ok(webhook_create(&x, p.account.id, &own, &w, &secret));
	ck_assert(!w.everyone);
	ck_ok(webhook_list(&x, p.account.id, STR_NONE, false, 10, 0, &list,
	    &n, &total));
	ck_assert(n == 2 && total == 2);
	ck_ok(webhook_list(&x, p.account.id, STR_NONE, true, 10, 0, &list,
	    &n, &total));
	ck_assert(n == 1 && str_eq(list[0].id, w.id));
	ck_ok(webhook_list(&x, p.account.id, STR_NONE, false, 10, 10, &list,
	    &n, &total));
	ck_assert(n == 0 && total == 2);
}
END_TEST

/* Row AK9: another owner's is not there. */
START_TEST(a_foreign_webhook_is_not_found)
{
	struct person p = core_person("ann"), b = core_person("bob");
	struct webhook_delivery d, *ds;
	struct webhook w, *list;
	struct str secret, id, other = b.account.id;
	int64_t until, total;
	size_t n;

	id = make_hook(&p, &secret).id;
	ck_err(webhook_list(&x, other, id, false, 1, 0, &list, &n, &total),
	    E_NOT_FOUND);
	ck_err(webhook_update(&x, other, id, &wish, &w), E_NOT_FOUND);
	ck_err(webhook_delete(&x, other, id), E_NOT_FOUND);
	ck_err(webhook_rotate(&x, other, id, 0, &secret, &until),
	    E_NOT_FOUND);
	ck_err(webhook_test(&x, other, id, &d), E_NOT_FOUND);
	ck_err(webhook_deliveries(&x, other, id, STR_NONE, 1, 0, &ds, &n,
	    &total), E_NOT_FOUND);
	ck_err(webhook_redeliver(&x, other, id, uuid_text(x.arena,
	    uuid_v7())), E_NOT_FOUND);
	ck_sql("1", "select count(*) from webhooks");
}
END_TEST

START_TEST(a_webhook_changes_as_far_as_is_given)
{
	static const struct str all[] = { STR("*") };
	struct person p = core_person("ann");
	struct webhook w;
	struct str secret, id = make_hook(&p, &secret).id;

	ck_ok(webhook_update(&x, p.account.id, id, &(struct webhook_wish){
	    .events = all, .nevents = 1 }, &w));
	ck_str(w.events, "*");
	ck_str(w.url, "https://hook.example.com/a");
	ck_ok(webhook_update(&x, p.account.id, id, &(struct webhook_wish){
	    .given_active = true }, &w));
	ck_assert(!w.is_active);
	ck_ok(webhook_update(&x, p.account.id, id, &(struct webhook_wish){
	    .url = STR("https://other.example.com") }, &w));
	ck_assert(!w.is_active);
	ck_str(w.url, "https://other.example.com");
	ck_err(webhook_update(&x, p.account.id, id, &(struct webhook_wish){
	    .url = STR("https://127.0.0.1") }, &w), E_VALIDATION);
	ck_ok(webhook_delete(&x, p.account.id, id));
	ck_err(webhook_delete(&x, p.account.id, id), E_NOT_FOUND);
}
END_TEST

/* Row WH7: both sign for a time. */
START_TEST(a_rotation_keeps_the_old_secret_for_its_overlap)
{
	struct person p = core_person("ann");
	struct str one, two, id = make_hook(&p, &one).id, sealed, opened;
	int64_t until, hour = 3600 * CLOCK_SECOND;

	ck_ok(webhook_rotate(&x, p.account.id, id, hour, &two, &until));
	ck_assert(!str_eq(one, two));
	ck_assert(until > clock_wall() + hour - 600 * CLOCK_SECOND &&
	    until < clock_wall() + hour + 600 * CLOCK_SECOND);
	ck_assert_int_eq(look(&p, id).previous_until, until);
	ck_assert(hex_decode(x.arena, text("%s", core_sql("select "
	    "encode(previous_secret, 'hex') from webhooks")), &sealed));
	ck_ok(unseal(x.arena, x.keys, webhook_bound(x.arena, id), sealed,
	    &opened));
	ck_assert(str_eq(opened, one));
}
END_TEST

/* Rows WH8, WH11: what happens is told, and holds no secret. */
START_TEST(what_happens_waits_for_the_webhooks_of_its_owner)
{
	struct person p = core_person("ann");
	struct webhook_delivery *d;
	struct str secret, id = make_hook(&p, &secret).id;
	int64_t total;
	size_t n;

	core_person("bob");
	core_login("bob");
	core_sql("delete from webhook_deliveries");
	core_login("ann");
	ck_ok(webhook_deliveries(&x, p.account.id, id, STR_NONE, 10, 0, &d,
	    &n, &total));
	ck_assert(n == 1 && total == 1);
	ck_str(d[0].event, "user.login");
	ck_str(d[0].state, "ready");
	ck_assert_ptr_nonnull(strstr(arena_cstr(x.arena, d[0].body),
	    p.account.id.p));
	ck_assert_ptr_null(strstr(arena_cstr(x.arena, d[0].body), "whsec"));
	ck_assert_uint_eq(d[0].ntries, 0);
}
END_TEST

/* Row WH12: ten a minute. */
START_TEST(tests_of_an_endpoint_are_bounded)
{
	struct person p = core_person("ann");
	struct webhook_delivery d, *list;
	struct str secret, id = make_hook(&p, &secret).id;
	int64_t total;
	size_t n;

	config.rate_limiting = true;
	for (int i = 0; i < 10; i++)
		ck_ok(webhook_test(&x, p.account.id, id, &d));
	ck_str(d.event, "webhook.test");
	ck_assert(d.body.n && d.created_at > 0);
	ck_err(webhook_test(&x, p.account.id, id, &d), E_LIMITED);
	ck_ok(webhook_deliveries(&x, p.account.id, id, STR_NONE, 3, 0, &list,
	    &n, &total));
	ck_assert(n == 3 && total == 10);
	ck_ok(webhook_deliveries(&x, p.account.id, id, STR_NONE, 3, 12, &list,
	    &n, &total));
	ck_assert(n == 0 && total == 10);
}
END_TEST

/* Row WH10: a dead letter goes out again under its id. */
START_TEST(a_delivery_is_shown_with_its_tries_and_sent_again)
{
	struct person p = core_person("ann");
	struct webhook_delivery d, *list;
	struct str secret, id = make_hook(&p, &secret).id;
	int64_t total;
	size_t n;

	ck_ok(webhook_test(&x, p.account.id, id, &d));
	ck_err(webhook_deliveries(&x, p.account.id, id, uuid_text(x.arena,
	    uuid_v7()), 1, 0, &list, &n, &total), E_NOT_FOUND);
	core_sql("update webhook_deliveries set state = 'dead', attempts = "
	    "2, tries = array['{\"n\":1,\"at\":5,\"end\":6,\"status\":500,"
	    "\"response\":\"oops\"}', '{\"n\":2,\"at\":7,\"end\":8,"
	    "\"status\":0,\"error\":\"no answer\"}']::json[]");
	ck_ok(webhook_deliveries(&x, p.account.id, id, d.id, 1, 0, &list, &n,
	    &total));
	ck_assert_uint_eq(list[0].ntries, 2);
	ck_assert_int_eq(list[0].tries[0].status, 500);
	ck_str(list[0].tries[0].response, "oops");
	ck_str(list[0].tries[1].error, "no answer");
	ck_assert_int_eq(list[0].tries[1].finished_at, 8);
	ck_str(list[0].state, "dead");
	ck_ok(webhook_redeliver(&x, p.account.id, id, d.id));
	ck_ok(webhook_deliveries(&x, p.account.id, id, d.id, 1, 0, &list, &n,
	    &total));
	ck_str(list[0].state, "ready");
	ck_assert(str_eq(list[0].event_id, d.event_id));
}
END_TEST

CORE_TESTS(webhook, a_secret_is_shown_once_and_sealed,
    a_wish_that_cannot_be_is_refused_by_its_field,
    an_account_has_twenty_webhooks, the_same_key_makes_one_webhook,
    who_may_see_all_hears_of_all_but_not_by_a_key,
    a_foreign_webhook_is_not_found, a_webhook_changes_as_far_as_is_given,
    a_rotation_keeps_the_old_secret_for_its_overlap,
    what_happens_waits_for_the_webhooks_of_its_owner,
    tests_of_an_endpoint_are_bounded,
    a_delivery_is_shown_with_its_tries_and_sent_again)
