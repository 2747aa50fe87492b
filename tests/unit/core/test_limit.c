/* Limits of requests and mails: rows RL1 to RL14. */
#include "tests/unit/core/core.h"

#include "core/limit.h"

#define HOUR (3600 * CLOCK_SECOND)

static struct limit
bucket(const char *whose, long max)
{
	return (struct limit){ .name = "test", .whose = str_of(whose),
		.max = max, .window = HOUR, .durable = true };
}

/* Row RL8: by Postgres, over the same window. */
START_TEST(without_redis_postgres_counts)
{
	struct limit l = bucket("ann", 3), other = bucket("bob", 3);

	ck_ok(limit_take(&x, &l)); /* switched off */
	ck_assert(!l.known);
	config.rate_limiting = true;
	for (int i = 2; i >= 0; i--) {
		ck_ok(limit_take(&x, &l));
		ck_assert(l.known);
		ck_assert_int_eq(l.remaining, i);
	}
	ck_err(limit_take(&x, &l), E_LIMITED);
	ck_assert_int_gt(x.problem.retry_after, 0);
	ck_assert_int_le(x.problem.retry_after, 3600);
	ck_assert_int_le(llabs(clock_wall() / CLOCK_SECOND +
	    x.problem.retry_after - l.reset), 1);
	ck_said("Please try again in");
	ck_assert_int_gt(l.reset, clock_wall() / CLOCK_SECOND);
	ck_ok(limit_take(&x, &other));
}
END_TEST

/* A large one stands, in one number. */
START_TEST(a_large_limit_is_counted_too)
{
	struct limit l = bucket("ann", 40);

	config.rate_limiting = true;
	for (int i = 0; i < 40; i++)
		ck_ok(limit_take(&x, &l));
	ck_err(limit_take(&x, &l), E_LIMITED);
	core_sql("update attempts set expires_at = now()");
	ck_ok(limit_take(&x, &l));
}
END_TEST

/* Row RL1: addresses of one site share a multiple. */
START_TEST(a_site_shares_sixteen_times_the_limit)
{
	struct limit l;
	int taken = 0;

	config.rate_limiting = true;
	for (int i = 0; i < 2 * LIMIT_SITE; i++) {
		x.client = text("2001:db8:1:%x::1", i);
		l = bucket("", 1);
		l.whose = limit_network(&x);
		l.by_network = true;
		taken += limit_take(&x, &l) == E_OK;
	}
	ck_assert_int_eq(taken, LIMIT_SITE);
	x.client = STR("2001:db8:2::1");
	l.whose = limit_network(&x);
	ck_ok(limit_take(&x, &l));
}
END_TEST

/* Row RL3. */
START_TEST(a_network_is_an_address_or_a_64)
{
	struct str one;

	ck_str(limit_network(&x), "192.0.2.7");
	x.client = STR("::ffff:192.0.2.7");
	ck_str(limit_network(&x), "192.0.2.7");
	x.client = STR("2001:db8::1");
	one = limit_network(&x);
	x.client = STR("2001:db8::2:0:0:3");
	ck_assert(str_eq(limit_network(&x), one));
	x.client = STR("what");
	ck_str(limit_network(&x), "what");
}
END_TEST

/* Rows RL8, RL14: open is ten times the limit, in a process. */
START_TEST(what_is_open_without_redis_is_not_boundless)
{
	struct limit l = bucket("ann", 2);

	config.rate_limiting = true;
	l.durable = false;
	for (int i = 0; i < 20; i++)
		ck_ok(limit_take(&x, &l));
	ck_err(limit_take(&x, &l), E_LIMITED);
	ck_assert_int_gt(x.problem.retry_after, 0);
	ck_sql("0", "select count(*) from attempts");
}
END_TEST

/* Rows RL8, RL13: Redis decides, and what is durable outlives it. */
START_TEST(with_redis_a_durable_limit_is_charged_twice)
{
	struct limit l = bucket("ann", 3), fast = bucket("ann", 2);
	struct reply r;

	if (!core_redis())
		return;
	config.rate_limiting = true;
	fast.name = "fast";
	fast.durable = false;
	for (int i = 0; i < 2; i++)
		ck_ok(limit_take(&x, &fast));
	ck_err(limit_take(&x, &fast), E_LIMITED);
	ck_sql("0", "select count(*) from attempts");
	for (int i = 0; i < 2; i++)
		ck_ok(limit_take(&x, &l));
	ck_ok(cache_command(x.cache, x.arena, &r, 1, &STR("FLUSHALL")));
	ck_ok(limit_take(&x, &l));
	ck_assert_int_eq(l.remaining, 0);
	ck_err(limit_take(&x, &l), E_LIMITED);
}
END_TEST

/* A reply that the script never gives is none. */
START_TEST(a_reply_that_cannot_be_is_not_believed)
{
	struct reply items[4] = { { .kind = REPLY_INT, .number = 1 },
		{ .kind = REPLY_INT, .number = 2 }, { .kind = REPLY_INT,
		.number = 9 }, { .kind = REPLY_INT, .number = 0 } };
	struct reply r = { .kind = REPLY_ARRAY, .n = 4, .item = items };
	struct limit l = bucket("ann", 3);

	ck_ok(limit_reply(&x, &l, &r));
	ck_assert_int_eq(l.remaining, 2);
	items[0].number = 0;
	items[3].number = 5000;
	ck_err(limit_reply(&x, &l, &r), E_LIMITED);
	ck_assert_int_eq(x.problem.retry_after, 5);
	items[1].number = 4; /* more than there are */
	ck_err(limit_reply(&x, &l, &r), E_UNAVAILABLE);
	items[1].number = -1;
	ck_err(limit_reply(&x, &l, &r), E_UNAVAILABLE);
	items[1].number = 1;
	items[3].number = INT64_MAX / 4;
	ck_err(limit_reply(&x, &l, &r), E_UNAVAILABLE);
	items[3] = (struct reply){ .kind = REPLY_TEXT };
	ck_err(limit_reply(&x, &l, &r), E_UNAVAILABLE);
	r.n = 3;
	ck_err(limit_reply(&x, &l, &r), E_UNAVAILABLE);
}
END_TEST

/* Row RL12. */
START_TEST(mails_to_an_address_are_bounded)
{
	struct str to = STR("ann@example.com");

	for (int i = 0; i < 30; i++)
		ck_ok(limit_mail(&x, to, true));
	ck_assert_uint_eq(limit_mail_cap(&x, to, false).bucket.n, 0);
	config.rate_limiting = true;
	config.mail_interval = 60 * CLOCK_SECOND;
	ck_ok(limit_mail(&x, to, true));
	ck_err(limit_mail(&x, to, true), E_LIMITED);
	ck_ok(limit_mail(&x, to, false)); /* is no repetition */
	for (int i = 2; i < 20; i++) {
		x.client = text("198.51.100.%d", i);
		ck_ok(limit_mail_address(&x, to));
	}
	ck_err(limit_mail_address(&x, to), E_LIMITED);
	ck_err(limit_mail(&x, to, false), E_LIMITED);
	ck_ok(limit_mail_address(&x, STR("bob@example.com")));
	/* a notice takes the first half only */
	ck_assert_int_eq(limit_mail_cap(&x, to, true).max * 2,
	    limit_mail_cap(&x, to, false).max);
	ck_assert(str_eq(limit_mail_cap(&x, to, true).bucket,
	    limit_mail_cap(&x, to, false).bucket));
}
END_TEST

START_TEST(a_network_asks_for_five_repetitions_an_hour)
{
	config.rate_limiting = true;
	for (int i = 0; i < 5; i++)
		ck_ok(limit_mail(&x, text("%d@example.com", i), true));
	ck_err(limit_mail(&x, STR("6@example.com"), true), E_LIMITED);
	x.client = STR("198.51.100.1");
	ck_ok(limit_mail(&x, STR("7@example.com"), true));
}
END_TEST

CORE_TESTS(limit, without_redis_postgres_counts, a_large_limit_is_counted_too,
    a_site_shares_sixteen_times_the_limit, a_network_is_an_address_or_a_64,
    what_is_open_without_redis_is_not_boundless,
    with_redis_a_durable_limit_is_charged_twice,
    a_reply_that_cannot_be_is_not_believed, mails_to_an_address_are_bounded,
    a_network_asks_for_five_repetitions_an_hour)
