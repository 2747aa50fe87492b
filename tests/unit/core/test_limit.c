/* Limits of requests and mails: rows RL1 to RL14. */
#include "tests/unit/core/core.h"

#include "core/limit.h"
#include "core/limit_settle.h"
#include "runtime/shared_debt.h"

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

/* Rows RL8, RL14: what is not durable is counted by the host alone. */
START_TEST(without_redis_a_host_counts_alone)
{
	const long most[] = { 2, 100 };
	struct limit l;

	config.rate_limiting = true;
	for (int i = 0; i < 2; i++) {
		l = bucket(text("ann%d", i).p, most[i]);
		l.durable = false;
		for (long n = 1; n <= most[i]; n++) {
			ck_ok(limit_take(&x, &l));
			ck_assert(l.known);
			ck_assert_int_eq(l.remaining, most[i] - n);
		}
		ck_err(limit_take(&x, &l), E_LIMITED);
		ck_assert_int_gt(x.problem.retry_after, 0);
	}
	ck_sql("0", "select count(*) from attempts");
}
END_TEST

/* Two hosts on one Redis, with limits; false: there is none. */
static bool
two_hosts(struct ctx host[2])
{
	static struct shared other;

	if (!core_redis())
		return false;
	config.rate_limiting = true;
	x.shared->alone = false;
	host[0] = host[1] = x;
	host[1].shared = &other;
	host[1].cache = cache_of(&config, x.keys, NULL);
	shared_count_renew(&host[0].shared->counts);
	shared_count_renew(&host[1].shared->counts);
	return true;
}

static int64_t window = 24 * HOUR;

/* What n hosts let in, of whom all ask for all they can get. */
static long
taken_by(struct ctx *host, int n, const char *whose, int settle_every)
{
	struct limit l = bucket(whose, 100);
	long taken = 0;

	l.durable = false;
	l.window = window;
	for (int i = 0; i < 300; i++)
		for (int h = 0; h < n; h++) {
			taken += limit_take(&host[h], &l) == E_OK;
			if (settle_every && i % settle_every == 0)
				limit_settle(&host[h]);
		}
	return taken;
}

/* Row RL13; never settled between requests: all messages are late. */
START_TEST(two_hosts_exceed_a_limit_by_a_tenth)
{
	const int settle[] = { 0, 1, 7, 50 };
	struct ctx host[2];

	if (!two_hosts(host))
		return;
	for (int i = 0; i < 4; i++) {
		long n = taken_by(host, 2, text("ann%d", i).p, settle[i]);

		ck_assert_int_ge(n, 100);
		ck_assert_int_le(n, 110);
	}
	/* a host alone is exact */
	ck_assert_int_eq(taken_by(host, 1, "bob", 3), 100);
	cache_close(&host[1].cache);
}
END_TEST

/* A window of some hours, of which a bucket ends in some ms from now. */
static int64_t
window_that_ends_in(int64_t ms)
{
	int64_t at = clock_wall() / CLOCK_MS + ms, w = HOUR / CLOCK_MS;

	while (at % w >= ms / 4)
		w++;
	return w * CLOCK_MS;
}

/* Their clocks are a little ahead, so that a bucket begins early. */
START_TEST(hosts_that_are_ahead_count_in_one_bucket)
{
	struct ctx host[2];

	if (!two_hosts(host))
		return;
	window = window_that_ends_in(80);
	for (int i = 0; i < 2; i++)
		shared_count_clock(&host[i].shared->counts,
		    clock_wall() + 90 * CLOCK_MS);
	ck_assert_int_le(taken_by(host, 2, "ann", 0), 110);
	cache_close(&host[1].cache);
}
END_TEST

START_TEST(one_host_after_the_other_is_exact)
{
	struct ctx host[2];

	if (!two_hosts(host))
		return;
	ck_assert_int_eq(taken_by(host, 1, "ann", 0), 100);
	limit_settle(&host[0]);
	/* until it hears of it for the first time */
	ck_assert_int_le(taken_by(host + 1, 1, "ann", 0), 5);
	cache_close(&host[1].cache);
}
END_TEST

/* What is lost on its way is not counted elsewhere, and no more than that. */
START_TEST(a_lost_message_costs_what_was_in_it)
{
	struct ctx host[2];
	struct limit l = bucket("ann", 100);
	struct shared_debt d;
	size_t place = 0;

	if (!two_hosts(host))
		return;
	l.durable = false;
	l.window = 24 * HOUR;
	for (int i = 0; i < 5; i++)
		ck_ok(limit_take(&host[0], &l));
	ck_assert(shared_debt_next(&x.shared->counts, &place));
	ck_assert(shared_debt_claim(&x.shared->counts, place, &d));
	shared_debt_learn(&x.shared->counts, &d, 0, -1, -1);
	ck_assert_int_le(taken_by(host, 2, "ann", 1), 110);
	cache_close(&host[1].cache);
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
	fast.durable = false; /* of a few, Redis is asked each time */
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
    without_redis_a_host_counts_alone,
    two_hosts_exceed_a_limit_by_a_tenth,
    hosts_that_are_ahead_count_in_one_bucket, one_host_after_the_other_is_exact,
    a_lost_message_costs_what_was_in_it,
    with_redis_a_durable_limit_is_charged_twice,
    a_reply_that_cannot_be_is_not_believed, mails_to_an_address_are_bounded,
    a_network_asks_for_five_repetitions_an_hour)
