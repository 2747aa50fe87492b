/*
 * Session entries in Redis (rows SE3, SE8): two hosts on one
 * Postgres, and somebody who reads and writes their Redis.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/json/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/account/account_register.h"
#include "core/session/session.h"
#include "core/session/session_change.h"
#include "core/session/session_news.h"
#include "core/session/signing.h"
#include "crypto/password/password.h"
#include "store/migrate.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define BELIEVED (CLOCK_SECOND + 100 * CLOCK_MS) /* row SE3 */

/* A host: its shared memory and its doors. */
struct host {
	struct shared shared;
	struct ctx x;
};

static char dir[] = "/tmp/postern-core-cache.XXXXXX";
static struct arena *request;
static PGconn *admin;
static struct config config;
static struct jwt_keys jwt;
static struct keyring *keys;
static struct host one, two;
static pid_t redis[2];
static char place[2][64];
static struct account ann, bob;
static struct tokens *her, *his;

static void
start_redis(int i)
{
	snprintf(place[i], sizeof(place[i]), "%s/redis%d.sock", dir, i);
	redis[i] = fork();
	if (redis[i] == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("redis-server", "redis-server", "--port", "0",
		    "--unixsocket", place[i], "--save", "", "--dir", dir,
		    "--logfile", "redis.log", (char *)NULL);
		_exit(127);
	}
}

static void
stop_redis(int i)
{
	if (redis[i] > 0) {
		kill(redis[i], SIGKILL);
		waitpid(redis[i], NULL, 0);
	}
	redis[i] = 0;
}

static void
load_config(void)
{
	char *argv[] = { (char []){ "--set" },
		(char []){ "limits.enabled=false" } };
	const struct config *c;
	const char *why = "";

	setenv("JWT_SECRET", "kX3vQ9mT7zR2pL8wN4sB6yH1cF5dG0aJ", 1);
	setenv("RUNTIME_DIR", dir, 1);
	c = config_load(a, 2, argv, &why);
	ck_assert_msg(c != NULL, "%s", why);
	config = *c;
}

static void
open_host(struct host *h, int i)
{
	struct db_options o = { .connect_timeout = 2 * CLOCK_SECOND,
		.statement_timeout = 5 * CLOCK_SECOND,
		.conninfo = scratch_in("cache", "postern") };
	const char *why;

	config.redis_host = place[i];
	config.redis_timeout = 2 * CLOCK_SECOND;
	memset(&h->shared, 0, sizeof(h->shared));
	h->x = (struct ctx){ .config = &config, .keys = keys, .jwt = &jwt,
		.db = db_new(&o), .cache = cache_of(&config, keys, NULL),
		.shared = &h->shared, .arena = a,
		.client = STR("192.0.2.7"), .user_agent = STR("check"),
		.request_id = STR("r1") };
	for (int n = 0; n < 1000; n++) {
		if (cache_probe(h->x.cache, a, &why) >= 0)
			return;
		usleep(10000);
	}
	ck_abort_msg("%s", why);
}

static void
close_host(struct host *h)
{
	db_close(&h->x.db);
	cache_close(&h->x.cache);
}

static struct tokens *
join(const char *name, struct account *out)
{
	struct registration r = { .username = str_of(name),
		.email = arena_fmt(a, "%s@example.com", name),
		.password = STR("Correct-Horse-7") };
	struct tokens *t = NULL;

	ck_assert_int_eq(account_register(&one.x, &r, out, &t), E_OK);
	return t;
}

static void
setup(void)
{
	const char *why = "";
	int n;

	a = arena_new(64u << 20);
	json_use(a);
	ck_assert(sodium_init() >= 0);
	ck_assert(log_open("test", "/dev/null", LOG_DEBUG_));
	scratch_database("cache");
	ck_assert_int_eq(migrate_run(a, scratch_in("cache", "postern_owner"),
	    "postern", &n, &why), E_OK);
	admin = scratch_admin("cache");
	load_config();
	signing_start(&config, &jwt);
	ck_assert_int_eq(password_init(&config), E_OK);
	keys = keyring_new(&config, &why);
	ck_assert_ptr_nonnull(keys);
	start_redis(0);
	open_host(&one, 0);
	open_host(&two, 0);
	her = join("ann", &ann);
	his = join("bob", &bob);
	scratch_sql(admin, "delete from session_changes");
	one.x.arena = two.x.arena = request = arena_new(LIMIT_ARENA);
}

static void
teardown(void)
{
	stop_redis(0);
	stop_redis(1);
	close_host(&one);
	close_host(&two);
	PQfinish(admin);
	arena_free(&request);
	arena_free(&a);
}

static enum err
try(struct host *h, const struct tokens *t, struct session **s)
{
	arena_reset(request);
	h->x.arena = request;
	return session_of_token(&h->x, t->access, NULL, s);
}

static struct session *
ask(struct host *h, const struct tokens *t, enum err want)
{
	struct session *s = NULL;

	ck_assert_int_eq(try(h, t, &s), want);
	return s;
}

/* Round trips to Postgres that one request costs on this host. */
static uint64_t
cost(struct host *h, const struct tokens *t)
{
	uint64_t before = db_round_trips(h->x.db);

	ask(h, t, E_OK);
	return db_round_trips(h->x.db) - before;
}

/* Until an entry is there that the host believes. */
static void
warm(struct host *h, const struct tokens *t)
{
	for (int i = 0; i < 100; i++)
		if (cost(h, t) == 0)
			return;
	ck_abort_msg("no entry is ever believed");
}

static struct str
entry_key(const struct tokens *t)
{
	return cache_name(one.x.cache, request, "session:", t->session_id);
}

static struct str
get(struct str key)
{
	struct reply r;

	ck_assert_int_eq(cache_command(one.x.cache, a, &r, 2,
	    (struct str[]){ STR("GET"), key }), E_OK);
	return r.text;
}

/* What the hosts know themselves would hide what is in Redis. */
static void
forget(void)
{
	shared_table_renew(&one.shared.proved);
	shared_table_renew(&two.shared.proved);
}

static void
put(struct str key, struct str value)
{
	struct reply r;

	forget();
	ck_assert_int_eq(cache_command(one.x.cache, request, &r, 3,
	    (struct str[]){ STR("SET"), key, value }), E_OK);
}

/* What somebody does who wants no mark to be seen. */
static void
remove_marks(const struct account *of, const struct tokens *t)
{
	struct reply r;

	ck_assert_int_eq(cache_command(one.x.cache, request, &r, 4,
	    (struct str[]){ STR("DEL"),
		cache_name(one.x.cache, request, "stale:", t->session_id),
		cache_name(one.x.cache, request, "stale:", of->id),
		cache_name_here(one.x.cache, request, "stale:",
		STR("roles")) }),
	    E_OK);
}

START_TEST(an_entry_costs_postgres_a_question_a_second)
{
	int64_t end;
	uint64_t before, n = 0;

	warm(&one, her);
	before = db_round_trips(one.x.db);
	for (end = clock_mono() + 2 * CLOCK_SECOND; clock_mono() < end; n++)
		ask(&one, her, E_OK);
	ck_assert_uint_gt(n, 100);
	ck_assert_uint_le(db_round_trips(one.x.db) - before, 4);
}
END_TEST

/* Any byte of it. */
START_TEST(an_entry_that_was_touched_is_not_believed)
{
	struct str good, bad;
	size_t n;

	warm(&one, her);
	n = get(entry_key(her)).n;
	for (size_t i = 0; i < n; i++) {
		warm(&one, her);
		good = get(entry_key(her));
		if (i >= good.n)
			break;
		bad = arena_str(a, good);
		((char *)(uintptr_t)bad.p)[i] ^= 1;
		put(entry_key(her), bad);
		ck_assert_uint_eq(cost(&one, her), 1);
	}
}
END_TEST

START_TEST(roles_are_not_raised_by_an_entry)
{
	struct str e;
	char *at;

	warm(&one, her);
	e = arena_str(a, get(entry_key(her)));
	at = memmem(e.p, e.n, "user", 4);
	ck_assert_ptr_nonnull(at);
	memcpy(at, "root", 4);
	put(entry_key(her), e);
	ck_assert(str_eq(ask(&one, her, E_OK)->account.roles, STR("user")));
	/* and what takes its place is believed again */
	warm(&one, her);
}
END_TEST

START_TEST(an_entry_of_another_session_is_not_believed)
{
	warm(&one, his);
	put(entry_key(her), get(entry_key(his)));
	ck_assert(str_eq(ask(&one, her, E_OK)->account.email,
	    STR("ann@example.com")));
}
END_TEST

/* Two brands with the same keys on one Redis. */
START_TEST(an_entry_of_another_instance_is_not_believed)
{
	struct config other;

	warm(&one, her);
	warm(&two, her);
	other = config;
	other.name = "Vignette";
	cache_close(&two.x.cache);
	two.x.cache = cache_of(&other, keys, NULL);
	forget();
	ck_assert_uint_ge(cost(&two, her), 1);
}
END_TEST

static void
play_back_after_logout(struct host *h)
{
	struct str e;
	int64_t ended, last = 0;

	warm(&one, her);
	warm(h, her);
	e = get(entry_key(her));
	ck_assert_int_eq(session_end(&one.x, ann.id, her->session_id,
	    SESSION_THIS, "test"), E_OK);
	ended = clock_mono();
	while (clock_mono() - ended < 3 * CLOCK_SECOND) {
		struct session *s;
		int64_t now = clock_mono();

		put(entry_key(her), e);
		remove_marks(&ann, her);
		ask(&one, her, E_TOKEN_INVALID);
		if (try(h, her, &s) == E_OK)
			last = now - ended;
	}
	ck_assert_msg(last <= BELIEVED, "%lld µs", (long long)last);
}

START_TEST(an_entry_played_back_after_logout_opens_nothing)
{
	play_back_after_logout(&one);
}
END_TEST

START_TEST(nor_on_another_host_for_more_than_a_second)
{
	play_back_after_logout(&two);
}
END_TEST

/* The time after the end at which host two let her in last. */
static int64_t
believed_for(int64_t ended, const struct tokens *t)
{
	int64_t last = 0;
	struct session *s;

	while (clock_mono() - ended < 3 * CLOCK_SECOND) {
		int64_t now = clock_mono();

		if (try(&two, t, &s) == E_OK)
			last = now - ended;
	}
	return last;
}

START_TEST(with_a_redis_for_each_host_a_second_is_the_most)
{
	start_redis(1);
	close_host(&two);
	open_host(&two, 1);
	warm(&two, her);
	ck_assert_int_eq(session_end(&one.x, ann.id, her->session_id,
	    SESSION_THIS, "test"), E_OK);
	ck_assert_int_le(believed_for(clock_mono(), her), BELIEVED);
}
END_TEST

START_TEST(cut_from_redis_who_revokes_is_heard_in_a_second)
{
	start_redis(1);
	close_host(&two);
	open_host(&two, 1);
	warm(&one, her);
	warm(&two, her);
	stop_redis(0);
	ck_assert_int_eq(session_end(&one.x, ann.id, her->session_id,
	    SESSION_ALL, "test"), E_OK);
	ask(&one, her, E_TOKEN_INVALID);
	ck_assert_int_le(believed_for(clock_mono(), her), BELIEVED);
}
END_TEST

static const char *const changes[] = {
	"update users set is_active = false where username = 'ann'",
	"delete from users where username = 'ann'",
	"update sessions set ended_at = now()",
	"delete from sessions",
	"update sessions set absolute_expires_at = now()",
};

/* Whoever does it: another program, an older one, a person with psql. */
START_TEST(a_change_by_anybody_is_heard)
{
	warm(&two, her);
	scratch_sql(admin, changes[_i]);
	ck_assert_int_le(believed_for(clock_mono(), her), BELIEVED);
	ask(&two, her, E_TOKEN_INVALID);
}
END_TEST

START_TEST(a_change_of_roles_is_heard_by_all)
{
	int64_t version;

	warm(&two, her);
	version = ask(&two, her, E_OK)->role_version;
	scratch_sql(admin, "update roles set description = 'x'");
	(void)believed_for(clock_mono(), her);
	ck_assert_int_gt(ask(&two, her, E_OK)->role_version, version);
}
END_TEST

START_TEST(a_commit_that_takes_long_is_heard_too)
{
	PGconn *slow = scratch_admin("cache");

	warm(&two, her);
	scratch_sql(slow, "begin");
	scratch_sql(slow, "update sessions set ended_at = now()");
	/* others commit and are heard meanwhile */
	scratch_sql(admin, "update users set first_name = 'Bob'"
	    " where username = 'bob'");
	(void)believed_for(clock_mono() - 1500 * CLOCK_MS, her);
	ask(&two, her, E_OK);
	scratch_sql(slow, "commit");
	ck_assert_int_le(believed_for(clock_mono(), her), BELIEVED);
	PQfinish(slow);
}
END_TEST

/* More than are told one by one: nothing kept is believed. */
START_TEST(a_flood_of_changes_is_heard_as_one_of_all)
{
	warm(&two, her);
	scratch_sql(admin, "insert into session_changes (id)"
	    " select gen_random_uuid() from generate_series(1, 5000)");
	scratch_sql(admin, "update sessions set ended_at = now()");
	ck_assert_int_le(believed_for(clock_mono(), her), BELIEVED);
}
END_TEST

/* Another server took its place, and its numbers begin lower. */
START_TEST(numbers_that_fell_are_read_from_the_beginning)
{
	warm(&two, her);
	atomic_store(&two.shared.changes_xmin, (int64_t)1 << 60);
	scratch_sql(admin, "update sessions set ended_at = now()");
	ck_assert_int_le(believed_for(clock_mono(), her), BELIEVED);
}
END_TEST

START_TEST(who_has_its_memory_alone_believes_nothing)
{
	one.shared.alone = true;
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(cost(&one, her), 1);
}
END_TEST

/* A lost Redis, and one that came back empty. */
START_TEST(a_flushed_redis_brings_nobody_back)
{
	struct reply r;

	warm(&one, her);
	ck_assert_int_eq(session_end(&one.x, ann.id, her->session_id,
	    SESSION_THIS, "test"), E_OK);
	ck_assert_int_eq(cache_command(one.x.cache, a, &r, 1,
	    &STR("FLUSHALL")), E_OK);
	ask(&one, her, E_TOKEN_INVALID);
	ask(&two, her, E_TOKEN_INVALID);
}
END_TEST

/* Neither Redis nor Postgres, but for one question a second. */
START_TEST(a_token_proved_lately_asks_nobody)
{
	uint64_t before, trips, asked = 0;
	int n = 0;

	warm(&one, her);
	trips = cache_round_trips(one.x.cache);
	before = db_round_trips(one.x.db);
	for (; n < 200; n++) {
		ask(&one, her, E_OK);
		asked += db_round_trips(one.x.db) > before;
		before = db_round_trips(one.x.db);
	}
	ck_assert_uint_lt(asked, 20);
	ck_assert_uint_lt(cache_round_trips(one.x.cache) - trips, 40);
}
END_TEST

START_TEST(what_was_proved_of_one_is_not_of_another)
{
	for (int i = 0; i < 20; i++) {
		warm(&one, her);
		warm(&one, his);
		ck_assert(str_eq(ask(&one, her, E_OK)->account.id, ann.id));
		ck_assert(str_eq(ask(&one, his, E_OK)->account.id, bob.id));
	}
}
END_TEST

START_TEST(by_postgres_alone_it_is_the_same)
{
	const struct cache_options none = { 0 };

	cache_close(&one.x.cache);
	one.x.cache = cache_new(&none);
	warm(&one, her);
	ck_assert_int_eq(session_end(&one.x, ann.id, her->session_id,
	    SESSION_THIS, "test"), E_OK);
	ask(&one, her, E_TOKEN_INVALID);
}
END_TEST

/* Not a second later: by what hosts tell each other. */
START_TEST(news_of_redis_are_heard_at_once)
{
	warm(&one, her);
	warm(&two, her);
	warm(&two, his);
	session_news_hear(&two.x);
	ck_assert_int_eq(session_end(&one.x, ann.id, her->session_id,
	    SESSION_THIS, "test"), E_OK);
	session_news_hear(&two.x);
	ask(&two, her, E_TOKEN_INVALID);
	/* and whom they are not about is believed */
	ck_assert_uint_le(cost(&two, his), 1);
}
END_TEST

/* A Redis that began anew, and one that says more than it may. */
START_TEST(news_that_are_lost_or_doubled_do_no_harm)
{
	struct reply r;

	warm(&two, her);
	for (int i = 0; i < 200; i++)
		session_stale(&one.x, arena_fmt(a, "nobody %d", i));
	session_news_hear(&two.x);
	ck_assert_int_eq(cache_command(one.x.cache, a, &r, 1,
	    &STR("FLUSHALL")), E_OK);
	session_news_hear(&two.x);
	session_stale(&one.x, ann.id);
	atomic_store(&two.shared.news, 0);
	session_news_hear(&two.x);
	session_news_hear(&two.x);
	ck_assert(session_change_since(&two.x, ann.id,
	    session_change_clock(&two.x)));
	ask(&two, her, E_OK);
}
END_TEST

/* Whoever writes to Redis keeps no server busy, and silences no news. */
START_TEST(news_that_nobody_told_begin_anew)
{
	static const char *const junk[] = { "x", "-7", "1e17", "inf", "0x1p60",
		"99999999999999999999999", "4503599627370497" };
	struct str argv[] = { STR("HSET"), cache_name_here(one.x.cache, a,
	    "stale:", STR("news")), STR("n"), STR("") };
	struct reply r;

	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		struct str who = arena_fmt(a, "somebody %zu", i);

		argv[3] = str_of(junk[i]);
		ck_assert_int_eq(cache_command(one.x.cache, a, &r, 4, argv),
		    E_OK);
		session_news_hear(&two.x);
		session_stale(&one.x, who);
		session_news_hear(&two.x);
		ck_assert_msg(session_change_since(&two.x, who,
		    session_change_clock(&two.x)), "%s", junk[i]);
	}
}
END_TEST

/* Somebody who can restore the memory as it was before she logged out. */
static void
play_back_memory(struct host *h)
{
	struct shared_table *was = malloc(sizeof(*was));
	int64_t ended, last = 0;

	ck_assert_ptr_nonnull(was);
	warm(&one, her);
	warm(h, her);
	memcpy((void *)was, (void *)&h->shared.proved, sizeof(*was));
	ck_assert_int_eq(session_end(&one.x, ann.id, her->session_id,
	    SESSION_THIS, "test"), E_OK);
	ended = clock_mono();
	while (clock_mono() - ended < 3 * CLOCK_SECOND) {
		struct session *s;
		int64_t now = clock_mono();

		memcpy((void *)&h->shared.proved, (void *)was, sizeof(*was));
		ask(&one, her, E_TOKEN_INVALID);
		if (try(h, her, &s) == E_OK)
			last = now - ended;
	}
	free(was);
	ck_assert_msg(last <= BELIEVED, "%lld µs", (long long)last);
}

START_TEST(memory_played_back_after_logout_opens_nothing)
{
	play_back_memory(&one);
}
END_TEST

START_TEST(nor_on_another_host_for_more_than_a_second_by_memory)
{
	play_back_memory(&two);
}
END_TEST

/* A reload with another secret, issuer or audience. */
START_TEST(what_was_proved_by_other_settings_is_not_proved)
{
	struct session *s;

	warm(&one, her);
	config.jwt_audience = "somebody else";
	signing_start(&config, &jwt);
	ck_assert_int_eq(try(&one, her, &s), E_TOKEN_INVALID);
	config.jwt_audience = "postern";
	config.jwt_secret = "another-secret-of-32-characters!";
	signing_start(&config, &jwt);
	ck_assert_int_eq(try(&one, her, &s), E_TOKEN_INVALID);
}
END_TEST

/* Whatever bit of her token is another. */
START_TEST(a_token_nearly_like_it_is_not_proved)
{
	struct tokens t = *her;
	struct session *s;
	char *p = (char *)(uintptr_t)arena_str(a, her->access).p;

	t.access = (struct str){ p, her->access.n };
	warm(&one, her);
	for (size_t i = 0; i < t.access.n; i++) {
		p[i] ^= 1;
		ck_assert_int_eq(try(&one, &t, &s), E_TOKEN_INVALID);
		p[i] ^= 1;
	}
	ck_assert_int_eq(try(&one, &t, &s), E_OK);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("core/session_cache");
	TCase *t = tcase_create("hosts");
	const TTest *list[] = {
		what_was_proved_by_other_settings_is_not_proved,
		a_token_nearly_like_it_is_not_proved,
		what_was_proved_of_one_is_not_of_another,
		an_entry_costs_postgres_a_question_a_second,
		an_entry_that_was_touched_is_not_believed,
		roles_are_not_raised_by_an_entry,
		an_entry_of_another_session_is_not_believed,
		an_entry_of_another_instance_is_not_believed,
		an_entry_played_back_after_logout_opens_nothing,
		nor_on_another_host_for_more_than_a_second,
		with_a_redis_for_each_host_a_second_is_the_most,
		cut_from_redis_who_revokes_is_heard_in_a_second,
		a_change_of_roles_is_heard_by_all,
		a_commit_that_takes_long_is_heard_too,
		a_flood_of_changes_is_heard_as_one_of_all,
		numbers_that_fell_are_read_from_the_beginning,
		who_has_its_memory_alone_believes_nothing,
		a_flushed_redis_brings_nobody_back,
		a_token_proved_lately_asks_nobody,
		by_postgres_alone_it_is_the_same,
		news_of_redis_are_heard_at_once,
		news_that_are_lost_or_doubled_do_no_harm,
		news_that_nobody_told_begin_anew,
		memory_played_back_after_logout_opens_nothing,
		nor_on_another_host_for_more_than_a_second_by_memory,
	};
	char command[128];
	int failed;

	if (system("redis-server --version >/dev/null 2>&1") != 0) {
		puts("1..0 # SKIP no redis-server");
		return 0;
	}
	if (!mkdtemp(dir))
		return 99;
	scratch_start();
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		tcase_add_test(t, list[i]);
	tcase_add_loop_test(t, a_change_by_anybody_is_heard, 0,
	    sizeof(changes) / sizeof(changes[0]));
	suite_add_tcase(s, t);
	failed = unit_run_suite(s);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed;
}
