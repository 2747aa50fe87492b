#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/metric.h"
#include "store/redis/cache_private.h"

#include "tests/unit/unit.h"

#define SOCKET_PATH "redis.sock"

static char dir[] = "/tmp/postern-cache.XXXXXX";
static char place[128];
static struct cache *c;
static pid_t server;

static int64_t
probe(struct cache *k)
{
	const char *why = NULL;
	int64_t took = cache_probe(k, a, &why);

	ck_assert_int_eq(took < 0, why != NULL);
	return took;
}

static struct cache *
open_cache(void)
{
	struct cache_options o = { .host = place, .timeout = 2 * CLOCK_SECOND };

	return cache_new(&o);
}

/* It dies with the test's process, whatever ends that. */
static void
start_redis(const char *const extra[])
{
	const char *argv[32] = { "redis-server", "--port", "0", "--unixsocket",
		SOCKET_PATH, "--save", "", "--appendonly", "no", "--loglevel",
		"warning", "--logfile", "redis.log" };
	static const char *const sentinel[] = { "redis-server",
		"sentinel.conf", "--port", "0", "--unixsocket", SOCKET_PATH,
		"--sentinel", NULL };
	int n = 13;

	for (int i = 0; extra && extra[i]; i++)
		argv[n++] = extra[i];
	if (extra && strcmp(extra[0], "--sentinel") == 0)
		memcpy(argv, sentinel, sizeof sentinel);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
}

static void
stop_redis(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
	unlink(SOCKET_PATH);
}

/* Until it answers: each attempt past the breaker, which has its own test. */
static bool
comes_back(struct cache *k)
{
	for (int i = 0; i < 1000; i++) {
		k->retry_at = 0;
		if (probe(k) >= 0)
			return true;
		usleep(10000);
	}
	return false;
}

static void
setup_mute(void)
{
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert(log_open("test", "/dev/null", LOG_DEBUG_));
	snprintf(place, sizeof place, "%s/%s", dir, SOCKET_PATH);
	a = arena_new(64u << 20);
	c = open_cache();
	signal(SIGPIPE, SIG_DFL);
}

static void
setup(void)
{
	setup_mute();
	start_redis(NULL);
	ck_assert(comes_back(c));
}

static void
teardown(void)
{
	cache_close(&c);
	arena_free(&a);
	stop_redis();
}

#define COMMAND(reply, ...) \
	cache_command(c, a, (reply), \
	    sizeof((struct str[]){ __VA_ARGS__ }) / sizeof(struct str), \
	    (const struct str[]){ __VA_ARGS__ })

START_TEST(words_are_binary_safe)
{
	struct reply r;
	struct str odd = STR("a\0b\r\n$5\r\n*1\xff");

	ck_assert_int_eq(COMMAND(&r, STR("SET"), odd, odd), E_OK);
	ck_assert_int_eq(COMMAND(&r, STR("GET"), odd), E_OK);
	ck_assert_int_eq(r.kind, REPLY_TEXT);
	ck_assert(str_eq(r.text, odd));
	ck_assert_int_eq(COMMAND(&r, STR("GET"), STR("none")), E_OK);
	ck_assert_int_eq(r.kind, REPLY_NIL);
}
END_TEST

START_TEST(a_pipeline_is_one_round_trip)
{
	struct str set[] = { STR("SET"), STR("k"), STR("v") };
	struct str wrong[] = { STR("LPUSH"), STR("k"), STR("v") };
	struct str get[] = { STR("MGET"), STR("k"), STR("none"), STR("k") };
	struct command k[] = { { set, 3 }, { wrong, 3 }, { get, 4 } };
	struct reply r[3];
	uint64_t trips = cache_round_trips(c);

	ck_assert_int_eq(cache_pipeline(c, a, k, 3, r), E_OK);
	ck_assert_uint_eq(cache_round_trips(c) - trips, 1);
	ck_assert(str_eq(r[0].text, STR("OK")));
	ck_assert_int_eq(r[1].kind, REPLY_ERROR);
	ck_assert_int_eq(r[2].kind, REPLY_ARRAY);
	ck_assert_uint_eq(r[2].n, 3);
	ck_assert_int_eq(r[2].item[1].kind, REPLY_NIL);
	ck_assert(str_eq(r[2].item[2].text, STR("v")));
}
END_TEST

START_TEST(a_pipeline_may_be_larger_than_every_buffer)
{
	enum { N = 24 };
	char *big = arena_alloc(a, 150000);
	struct str echo[] = { STR("ECHO"), { big, 150000 } };
	struct command k[N];
	struct reply r[N];

	for (int i = 0; i < N; i++)
		k[i] = (struct command){ echo, 2 };
	ck_assert_int_eq(cache_pipeline(c, a, k, N, r), E_OK);
	ck_assert_uint_eq(r[N - 1].text.n, 150000);
}
END_TEST

static struct reply
take(const char *key, const char *limit, const char *window)
{
	struct reply r;

	ck_assert_int_eq(COMMAND(&r, STR("EVALSHA"),
	    cache_script_sha(SCRIPT_LIMIT), STR("1"), str_of(key),
	    str_of(limit), str_of(window), STR("1")), E_OK);
	ck_assert_int_eq(r.kind, REPLY_ARRAY);
	ck_assert_uint_eq(r.n, 4);
	return r;
}

START_TEST(the_limiter_lets_exactly_the_limit_through)
{
	for (int i = 0; i < 8; i++) {
		struct reply r = take("limit", "5", "600000");

		ck_assert_int_eq(r.item[0].number, i < 5);
		ck_assert_int_eq(r.item[1].number, i < 5 ? 4 - i : 0);
		ck_assert(r.item[2].number > clock_wall() / CLOCK_SECOND - 1);
		ck_assert((r.item[3].number > 0) == (i >= 5));
		ck_assert(r.item[3].number <= 1200000);
	}
}
END_TEST

static void
wait_as_told(const char *key, const char *limit, int n)
{
	struct reply r;

	for (int i = 0; i < n; i++)
		take(key, limit, "200");
	for (int i = 0; i < 50; i++) {
		r = take(key, limit, "200");
		if (r.item[0].number)
			return; /* the window had passed by itself */
	}
	usleep((useconds_t)(r.item[3].number + 2) * 1000);
	ck_assert_int_eq(take(key, limit, "200").item[0].number, 1);
}

/* A refused request is not counted: who waits as told gets in. */
START_TEST(waiting_as_told_lets_one_in)
{
	wait_as_told("wait", "3", 3);
	wait_as_told("wait long", "40", 40);
}
END_TEST

/* Wherever the clock stands: a small limit knows when its first one was. */
START_TEST(a_small_limit_names_the_whole_window)
{
	struct reply r;

	for (int i = 0; i < 6; i++)
		r = take("window", "5", "600000");
	ck_assert_int_eq(r.item[0].number, 0);
	ck_assert(r.item[3].number > 590000 && r.item[3].number <= 600000);
}
END_TEST

/* Security row RL9. */
START_TEST(a_limiter_key_always_has_an_end)
{
	struct reply r;

	for (int i = 0; i < 7; i++) {
		take("ttl", "5", "600000");
		ck_assert_int_eq(COMMAND(&r, STR("PTTL"), STR("ttl")), E_OK);
		ck_assert(r.number > 0 && r.number <= 1200000);
	}
	ck_assert_int_eq(COMMAND(&r, STR("PERSIST"), STR("ttl")), E_OK);
	ck_assert_int_eq(take("ttl", "9", "600000").item[0].number, 1);
	ck_assert_int_eq(COMMAND(&r, STR("PTTL"), STR("ttl")), E_OK);
	ck_assert(r.number > 0);
}
END_TEST

START_TEST(the_limit_holds_for_many_at_once)
{
	enum { N = 4 };
	pid_t pid[N];
	int passed = 0, status;

	for (int i = 0; i < N; i++)
		if ((pid[i] = fork()) == 0) {
			int n = 0;

			for (int j = 0; j < 40; j++)
				n += take("many", "50", "600000").item[0]
				    .number == 1;
			_exit(n);
		}
	for (int i = 0; i < N; i++) {
		waitpid(pid[i], &status, 0);
		passed += WEXITSTATUS(status);
	}
	ck_assert_int_eq(passed, 50);
}
END_TEST

START_TEST(a_forgotten_script_is_sent_in_the_same_call)
{
	struct str limit[] = { STR("EVALSHA"), cache_script_sha(SCRIPT_LIMIT),
		STR("1"), STR("x"), STR("5"), STR("1000"), STR("1") };
	struct str ping[] = { STR("PING") };
	struct command k[] = { { ping, 1 }, { limit, 7 }, { ping, 1 } };
	struct reply r[3];
	uint64_t trips;

	take("x", "5", "600000");
	ck_assert_int_eq(COMMAND(r, STR("SCRIPT"), STR("FLUSH")), E_OK);
	trips = cache_round_trips(c);
	ck_assert_int_eq(cache_pipeline(c, a, k, 3, r), E_OK);
	ck_assert_uint_eq(cache_round_trips(c) - trips, 2);
	ck_assert(str_eq(r[0].text, STR("PONG")));
	ck_assert_int_eq(r[1].item[0].number, 1);
	ck_assert(str_eq(r[2].text, STR("PONG")));
	trips = cache_round_trips(c);
	ck_assert_int_eq(cache_pipeline(c, a, k, 3, r), E_OK);
	ck_assert_uint_eq(cache_round_trips(c) - trips, 1);
}
END_TEST

START_TEST(a_dead_server_opens_the_breaker)
{
	int64_t retry_at;

	stop_redis();
	ck_assert(probe(c) < 0);
	ck_assert(c->pause > 0);
	/* open: nothing is tried, so nothing moves */
	retry_at = c->retry_at = clock_mono() + 3600 * CLOCK_SECOND;
	start_redis(NULL);
	ck_assert(probe(c) < 0);
	ck_assert(c->retry_at == retry_at);
	ck_assert(comes_back(c));
	ck_assert(c->pause == 0);
}
END_TEST

START_TEST(the_breaker_waits_two_seconds_at_most)
{
	stop_redis();
	for (int i = 0; i < 12; i++) {
		c->retry_at = 0;
		ck_assert(probe(c) < 0);
		ck_assert(c->retry_at - clock_mono() <= 2 * CLOCK_SECOND);
	}
	ck_assert(c->pause == 2 * CLOCK_SECOND);
}
END_TEST

/* Until it takes connections, which is later than its socket has a name. */
static bool
takes_connections(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX,
		.sun_path = SOCKET_PATH };
	bool taken = false;

	for (int i = 0; i < 1000 && !taken; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		taken = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
		close(fd);
		if (!taken)
			usleep(10000);
	}
	return taken;
}

START_TEST(a_restarted_server_is_noticed_before_sending)
{
	stop_redis();
	start_redis(NULL);
	ck_assert(takes_connections());
	/* the breaker stayed closed: no request paid for the restart */
	ck_assert(probe(c) >= 0);
	ck_assert_int_eq(c->pause, 0);
}
END_TEST

/* The late answer of an old command must not become that of a new one. */
START_TEST(a_hung_server_never_answers_the_wrong_question)
{
	struct reply r;

	ck_assert_int_eq(COMMAND(&r, STR("SET"), STR("k"), STR("v")), E_OK);
	c->o.timeout = 100 * CLOCK_MS;
	kill(server, SIGSTOP);
	ck_assert_int_eq(COMMAND(&r, STR("GET"), STR("k")), E_UNAVAILABLE);
	ck_assert_int_eq(c->fd, -1);
	kill(server, SIGCONT);
	c->o.timeout = 2 * CLOCK_SECOND;
	ck_assert(comes_back(c));
	ck_assert_int_eq(COMMAND(&r, STR("ECHO"), STR("new")), E_OK);
	ck_assert(str_eq(r.text, STR("new")));
}
END_TEST

START_TEST(a_connection_does_not_cross_a_fork)
{
	struct reply r;
	int status, fd = c->fd;
	pid_t child = fork();

	if (child == 0)
		_exit(probe(c) >= 0 && c->pid == getpid() ? 0 : 1);
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(COMMAND(&r, STR("ECHO"), STR("mine")), E_OK);
	ck_assert(str_eq(r.text, STR("mine")));
	ck_assert_int_eq(c->fd, fd);
}
END_TEST

START_TEST(a_cache_without_host_is_unavailable)
{
	struct cache_options o = { .host = "", .timeout = CLOCK_SECOND };
	struct cache *none = cache_new(&o);
	struct reply r;

	ck_assert(!cache_configured(none));
	ck_assert_int_eq(cache_command(none, a, &r, 1, &STR("PING")),
	    E_UNAVAILABLE);
	cache_close(&none);
}
END_TEST

START_TEST(password_and_database_are_used)
{
	const char *extra[] = { "--requirepass", "open sesame", NULL };
	struct cache_options o = { .host = place, .password = "open sesame",
		.db = 3, .timeout = 2 * CLOCK_SECOND };
	struct cache *k = cache_new(&o);
	struct reply r;

	start_redis(extra);
	ck_assert(comes_back(k));
	ck_assert_int_eq(cache_command(k, a, &r, 2, (struct str[]){
	    STR("CLIENT"), STR("INFO") }), E_OK);
	ck_assert_ptr_nonnull(strstr(r.text.p, " db=3 "));
	cache_close(&k);
	o.password = "wrong";
	k = cache_new(&o);
	ck_assert(probe(k) < 0);
	ck_assert(k->pause > 0);
	cache_close(&k);
	/* without a word of introduction the server answers, but refuses */
	o.password = "";
	o.db = 0;
	k = cache_new(&o);
	ck_assert_int_eq(cache_command(k, a, &r, 1, &STR("PING")),
	    E_UNAVAILABLE);
	ck_assert_int_eq(r.kind, REPLY_ERROR);
	ck_assert(probe(k) < 0);
	cache_close(&k);
}
END_TEST

/* Until it says something; why it is of no use, or NULL. */
static const char *
verdict(struct cache *k)
{
	const char *why = "no connection";

	for (int i = 0; i < 1000 && why && !strcmp(why, "no connection"); i++) {
		k->retry_at = 0;
		if (cache_probe(k, a, &why) >= 0)
			return NULL;
		usleep(10000);
	}
	return why;
}

static const struct useless {
	const char *options[9];
	const char *word;
	enum metric counter;
} useless[] = {
	{ { "--replicaof", "127.0.0.1", "1" }, "replica",
	    METRIC_REDIS_READONLY },
	{ { "--cluster-enabled", "yes", "--cluster-config-file",
	    "nodes.conf" }, "Cluster", METRIC_REDIS_CLUSTER },
	{ { "--maxmemory", "1", "--maxmemory-policy", "noeviction" },
	    "full", METRIC_REDIS_FULL },
	{ { "--user", "default", "on",
	    "nopass", "~*", "+@all", "-set" }, "ACL",
	    METRIC_REDIS_REFUSED },
	{ { "--user", "default", "on",
	    "nopass", "~*", "+@all", "-hset" }, "ACL",
	    METRIC_REDIS_REFUSED },
	{ { "--user", "default", "on",
	    "nopass", "~*", "+@all", "-mget" }, "ACL",
	    METRIC_REDIS_REFUSED },
	{ { "--user", "default", "on",
	    "nopass", "~other:*", "+@all" }, "ACL",
	    METRIC_REDIS_REFUSED },
	{ { "--min-replicas-to-write", "1" }, "replicas follow",
	    METRIC_REDIS_READONLY },
	{ { "--sentinel" }, "Sentinel", METRIC_REDIS_OTHER },
};

/* It answers, and cannot do the work: as none, said, counted. */
START_TEST(a_server_of_no_use_is_none_and_said_why)
{
	const struct useless *u = &useless[_i];
	static struct metrics counted;
	struct str get[] = { STR("MGET"), STR("a"), STR("b") };
	struct str set[] = { STR("SET"), STR("a"), STR("1") };
	struct str limit[] = { STR("EVALSHA"), cache_script_sha(SCRIPT_LIMIT),
		STR("1"), STR("a"), STR("5"), STR("1000"), STR("1") };
	const struct command k[] = { { get, 3 }, { set, 3 }, { limit, 7 } };
	struct reply r[3];
	const char *why;

	metric_use(&counted);
	ck_assert_int_eq(system("rm -f sentinel.conf nodes.conf; "
	    ": >sentinel.conf"), 0);
	start_redis(u->options);
	why = verdict(c);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, u->word), "%s", why);
	ck_assert(counted.counter[u->counter] > 0);
	ck_assert_int_eq(c->fd, -1);
	ck_assert(c->pause > 0);
	c->retry_at = 0;
	ck_assert_int_eq(cache_pipeline(c, a, k, 3, r), E_UNAVAILABLE);
	/* the breaker: nobody waits for it with each request */
	ck_assert_int_eq(cache_pipeline(c, a, k, 3, r), E_UNAVAILABLE);
	ck_assert_int_eq(c->fd, -1);
}
END_TEST

/* A replica that becomes the primary is used again. */
START_TEST(a_promoted_replica_is_back)
{
	const char *extra[] = { "--replicaof", "127.0.0.1", "1", NULL };
	struct cache *other = open_cache();
	struct reply r;

	start_redis(extra);
	ck_assert_ptr_nonnull(verdict(c));
	other->retry_at = 0;
	ck_assert_int_eq(cache_command(other, a, &r, 3, (struct str[]){
	    STR("REPLICAOF"), STR("NO"), STR("ONE") }), E_OK);
	cache_close(&other);
	ck_assert(comes_back(c));
	ck_assert_int_eq(c->pause, 0);
}
END_TEST

START_TEST(one_of_a_host_tells)
{
	_Atomic int64_t told = 0;
	struct cache *two[] = { open_cache(), open_cache() };
	int64_t first;

	two[0]->o.told = two[1]->o.told = &told;
	ck_assert(probe(two[0]) < 0);
	first = told;
	ck_assert(first != 0);
	ck_assert(probe(two[1]) < 0);
	ck_assert_int_eq(told, first);
	start_redis(NULL);
	ck_assert(comes_back(two[0]));
	ck_assert_int_eq(told, 0);
	stop_redis();
	ck_assert(probe(two[0]) < 0);
	ck_assert(told != 0);
	cache_close(&two[0]);
	cache_close(&two[1]);
}
END_TEST

/* Row SE8: prefix, the documented name, the instance where it matters. */
START_TEST(names_and_codes_are_of_the_instance)
{
	struct cache_instance one = { "0123456789abcdef", { 1 } };
	struct cache_options o = { .host = "", .prefix = "auth:",
		.instance = &one };
	struct cache *k = cache_new(&o), *other;
	struct str part = STR("text");
	uint8_t mine[CACHE_MAC], his[CACHE_MAC];

	ck_assert(str_eq(cache_name(k, a, "session:", STR("id")),
	    STR("auth:session:id")));
	ck_assert(str_eq(cache_name_here(k, a, "rate_limit:login:",
	    STR("192.0.2.1")),
	    STR("auth:rate_limit:login:0123456789abcdef-192.0.2.1")));
	one.key[31] = 1;
	other = cache_new(&o);
	cache_mac(k, &part, 1, mine);
	cache_mac(other, &part, 1, his);
	ck_assert_mem_ne(mine, his, CACHE_MAC);
	cache_close(&k);
	cache_close(&other);
}
END_TEST

/* Whoever else writes there cannot stop a limit from counting. */
START_TEST(a_limit_key_of_somebody_else_begins_anew)
{
	struct reply r;

	for (int i = 0; i < 2; i++) {
		const char *max = i ? "100" : "5";

		COMMAND(&r, STR("SET"), STR("x"), STR("9999999999"));
		take("x", max, "600000");
		COMMAND(&r, STR("DEL"), STR("x"));
		COMMAND(&r, STR("RPUSH"), STR("x"), STR("1"));
		take("x", max, "600000");
		COMMAND(&r, STR("HSET"), STR("x"), STR("at"),
		    STR("junk 99999999999999999999"), STR("b"), STR("z"),
		    STR("c"), STR("z"));
		take("x", max, "600000");
		COMMAND(&r, STR("DEL"), STR("x"));
	}
}
END_TEST

static const struct str garbage[] = {
	STR("*1000000000\r\n"), STR("*8193\r\n"), STR("$5000000\r\n"),
	STR("$-7\r\n"), STR("*-7\r\n"), STR("HTTP/1.1 400 Bad Request\r\n\r\n"),
	STR("%1\r\n+a\r\n+b\r\n"), STR("+PONG\r\n+PONG\r\n"), STR("\r\n"),
	STR("$4\r\nPON"), STR("+PON"), STR(""), STR("\0\0\0\0"), STR(":x\r\n"),
	STR("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
};

/* A server that says this to the first command and then nothing. */
static void
speak(struct str s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX,
		.sun_path = SOCKET_PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(SOCKET_PATH);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	server = fork();
	if (server == 0) {
		char in[256];
		int peer = accept(fd, NULL, NULL);

		if (read(peer, in, sizeof in) > 0 && s.n)
			(void)!write(peer, s.p, s.n);
		if (s.n)
			pause();
		_exit(0);
	}
	close(fd);
}

/* Security row HB10. */
START_TEST(what_is_not_the_protocol_costs_the_connection)
{
	c->o.timeout = 300 * CLOCK_MS;
	speak(garbage[_i]);
	ck_assert(probe(c) < 0);
	ck_assert_int_eq(c->fd, -1);
	ck_assert(c->pause > 0);
}
END_TEST

/* Without end, until the cap: memory is bounded by the count, not by trust. */
START_TEST(an_endless_reply_is_cut)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX,
		.sun_path = SOCKET_PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(SOCKET_PATH);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	server = fork();
	if (server == 0) {
		char x[4096];
		int peer = accept(fd, NULL, NULL);

		memset(x, 'x', sizeof x);
		(void)!write(peer, "+", 1);
		while (write(peer, x, sizeof x) > 0)
			continue;
		_exit(0);
	}
	close(fd);
	c->o.timeout = 20 * CLOCK_SECOND;
	ck_assert(probe(c) < 0);
	ck_assert(arena_used(a) < (8u << 20));
}
END_TEST

static int
free_port(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof to;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, n), 0);
	getsockname(fd, (struct sockaddr *)&to, &n);
	close(fd);
	return ntohs(to.sin_port);
}

static struct cache *
over_tls(const char *host, int port)
{
	struct cache_options o = { .host = host, .port = port, .tls = true,
		.timeout = 2 * CLOCK_SECOND };

	return cache_new(&o);
}

START_TEST(tls_is_spoken_with_the_right_server_only)
{
	char port[16];
	int n = free_port();
	const char *extra[] = { "--tls-port", port, "--tls-cert-file",
		"server.pem", "--tls-key-file", "server.key",
		"--tls-auth-clients", "no", NULL };
	struct cache *right, *name, *stranger;
	char *big = arena_alloc(a, 200000);
	struct reply r;

	snprintf(port, sizeof port, "%d", n);
	ck_assert_int_eq(system("openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -days 2 -keyout server.key "
	    "-out server.pem -subj /CN=cache -addext "
	    "subjectAltName=IP:127.0.0.1 2>/dev/null"), 0);
	start_redis(extra);
	setenv("SSL_CERT_FILE", "server.pem", 1);
	right = over_tls("127.0.0.1", n);
	ck_assert(comes_back(right));
	ck_assert_int_eq(cache_command(right, a, &r, 2, (struct str[]){
	    STR("ECHO"), { big, 200000 } }), E_OK);
	ck_assert_uint_eq(r.text.n, 200000);
	/* the certificate is for the address, not for this name */
	name = over_tls("localhost", n);
	ck_assert(probe(name) < 0);
	/* an authority that did not sign it */
	unsetenv("SSL_CERT_FILE");
	stranger = over_tls("127.0.0.1", n);
	ck_assert(probe(stranger) < 0);
	stop_redis();
	ck_assert(probe(right) < 0);
	cache_close(&right);
	cache_close(&name);
	cache_close(&stranger);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("store/cache");
	TCase *t = tcase_create("redis"), *m = tcase_create("by hand");

	tcase_set_timeout(t, 60);
	tcase_set_timeout(m, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_checked_fixture(m, setup_mute, teardown);
	tcase_add_test(t, words_are_binary_safe);
	tcase_add_test(t, a_pipeline_is_one_round_trip);
	tcase_add_test(t, a_pipeline_may_be_larger_than_every_buffer);
	tcase_add_test(t, the_limiter_lets_exactly_the_limit_through);
	tcase_add_test(t, waiting_as_told_lets_one_in);
	tcase_add_test(t, a_small_limit_names_the_whole_window);
	tcase_add_test(t, a_limiter_key_always_has_an_end);
	tcase_add_test(t, the_limit_holds_for_many_at_once);
	tcase_add_test(t, a_forgotten_script_is_sent_in_the_same_call);
	tcase_add_test(t, a_dead_server_opens_the_breaker);
	tcase_add_test(t, the_breaker_waits_two_seconds_at_most);
	tcase_add_test(t, a_restarted_server_is_noticed_before_sending);
	tcase_add_test(t, a_hung_server_never_answers_the_wrong_question);
	tcase_add_test(t, a_connection_does_not_cross_a_fork);
	tcase_add_test(m, a_cache_without_host_is_unavailable);
	tcase_add_test(m, password_and_database_are_used);
	tcase_add_loop_test(m, a_server_of_no_use_is_none_and_said_why, 0,
	    sizeof useless / sizeof *useless);
	tcase_add_test(m, a_promoted_replica_is_back);
	tcase_add_test(m, one_of_a_host_tells);
	tcase_add_test(m, names_and_codes_are_of_the_instance);
	tcase_add_test(t, a_limit_key_of_somebody_else_begins_anew);
	tcase_add_loop_test(m, what_is_not_the_protocol_costs_the_connection, 0,
	    sizeof garbage / sizeof *garbage);
	tcase_add_test(m, an_endless_reply_is_cut);
	tcase_add_test(m, tls_is_spoken_with_the_right_server_only);
	suite_add_tcase(s, t);
	suite_add_tcase(s, m);
	return s;
}

int
main(void)
{
	char command[128];
	int failed;

	if (system("redis-server --version >/dev/null 2>&1") != 0) {
		puts("1..0 # SKIP no redis-server");
		return 0;
	}
	if (!mkdtemp(dir))
		return 99;
	failed = unit_run_suite(suite());
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) != 0 || failed;
}
