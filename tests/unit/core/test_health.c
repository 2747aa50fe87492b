/* What is told of the service, and to whom: rows RE11, LO6. */
#include "tests/unit/core/core.h"

#include "core/access/whence.h"
#include "core/health.h"
#include "core/limit.h"
#include "core/metrics_text.h"

/* Row HB1: behind a proxy that is not trusted nobody is this host. */
START_TEST(where_a_request_comes_from_decides_what_it_reads)
{
	struct str out;

	config.metrics_networks = "192.0.2.0/24";
	ck_ok(metrics_text(&x, &out));
	ck_assert_ptr_nonnull(strstr(arena_cstr(x.arena, out),
	    "postern_database_up 1"));
	ck_assert_ptr_nonnull(strstr(arena_cstr(x.arena, out),
	    "queue_depth{queue=\"jobs\"} 0"));
	ck_assert(!whence_here(&x));
	x.client = STR("198.51.100.1");
	ck_err(metrics_text(&x, &out), E_NETWORK);
	x.client = STR("127.0.0.1");
	ck_assert(whence_here(&x));
	x.hidden = true;
	ck_assert(!whence_here(&x));
	ck_assert(!whence_in(&x, "127.0.0.0/8"));
}
END_TEST

START_TEST(what_is_configured_is_measured)
{
	struct str out;

	config.metrics_networks = "192.0.2.7";
	config.kafka_enabled = true;
	core_redis();
	ck_ok(metrics_text(&x, &out));
	ck_assert_ptr_nonnull(strstr(arena_cstr(x.arena, out),
	    "postern_kafka_outbox_ready 0"));
	ck_assert(!cache_configured(x.cache) || strstr(arena_cstr(x.arena,
	    out), "postern_redis_up 1"));
}
END_TEST

/* One process of a host asks; the others read what it heard. */
START_TEST(health_tells_of_what_is_there)
{
	struct health h;
	bool degraded;

	atomic_store(&x.shared->started_wall, clock_wall());
	health_check(&x, &h);
	ck_assert_int_eq(h.status, HEALTH_HEALTHY);
	ck_assert_str_eq(h.trouble, "");
	ck_assert(h.database >= 0 && !h.redis_configured && h.redis == -1);
	ck_assert(h.memory_used > 0 && h.memory_total > h.memory_used);
	ck_assert_str_eq(health_ready(&x, &degraded), "");
	ck_assert(!degraded);
	if (!core_redis())
		return;
	health_check(&x, &h);
	ck_assert(h.redis_configured && h.redis >= 0);
	ck_assert_int_eq(h.status, HEALTH_HEALTHY);
	cache_close(&x.cache);
	config.redis_host = "/nowhere";
	x.cache = cache_of(&config, x.keys, NULL);
	health_check(&x, &h);
	ck_assert_int_eq(h.status, HEALTH_DEGRADED);
	ck_assert_ptr_nonnull(h.redis_why);
	ck_assert_str_eq(health_ready(&x, &degraded), "");
	ck_assert(degraded);
}
END_TEST

START_TEST(without_a_database_nothing_is_well)
{
	const struct db_options gone = { .conninfo = "host=/nowhere",
		.connect_timeout = CLOCK_SECOND,
		.statement_timeout = CLOCK_SECOND };
	struct limit l = { .name = "test", .whose = STR("ann"), .max = 1,
		.window = CLOCK_SECOND, .durable = true };
	struct account u;
	struct health h;
	struct str out;
	bool degraded;

	db_close(&x.db);
	x.db = db_new(&gone);
	config.metrics_networks = "192.0.2.7";
	config.rate_limiting = true;
	health_check(&x, &h);
	ck_assert_int_eq(h.status, HEALTH_UNHEALTHY);
	ck_assert_int_eq(h.database, -1);
	ck_assert_str_ne(health_ready(&x, &degraded), "");
	ck_ok(metrics_text(&x, &out));
	ck_assert_ptr_nonnull(strstr(arena_cstr(x.arena, out),
	    "postern_database_up 0"));
	/* Row RL13: what must be counted is refused. */
	ck_err(limit_take(&x, &l), E_UNAVAILABLE);
	ck_err(account_find(&x, STR("x"), &u, NULL), E_UNAVAILABLE);
}
END_TEST

CORE_TESTS(health, where_a_request_comes_from_decides_what_it_reads,
    what_is_configured_is_measured, health_tells_of_what_is_there,
    without_a_database_nothing_is_well)
