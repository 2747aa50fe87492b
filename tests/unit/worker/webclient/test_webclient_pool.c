#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/smtp/smtp.h"
#include "worker/webclient/webclient.h"

static int listener, port;

/* On all addresses of this host, IPv6 where there is any. */
static void
listen_here(void)
{
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in at4 = { .sin_family = AF_INET };
	struct sockaddr_storage got;
	socklen_t n = sizeof(got);

	listener = socket(AF_INET6, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at6,
	    sizeof(at6)) < 0) {
		close(listener);
		listener = socket(AF_INET, SOCK_STREAM, 0);
		ck_assert_int_eq(bind(listener, (struct sockaddr *)&at4,
		    sizeof(at4)), 0);
	}
	ck_assert_int_eq(listen(listener, 64), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&got, &n),
	    0);
	port = ntohs(got.ss_family == AF_INET6 ?
	    ((struct sockaddr_in6 *)&got)->sin6_port :
	    ((struct sockaddr_in *)&got)->sin_port);
}

static bool
knocked(void)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static bool
only_public(void *arg, const struct net_addr *addr)
{
	(void)arg;
	return net_public(addr);
}

static bool
every(void *arg, const struct net_addr *addr)
{
	(void)arg, (void)addr;
	return true;
}

static const char *
post(const char *host, bool (*allow)(void *, const struct net_addr *))
{
	static const char *const headers[] = { "Expect:", NULL };
	const struct webclient_pool_options o = { .slots = 2, .ca_file = "",
		.allow = allow };
	struct webclient_pool *pool = webclient_pool_new(&o);
	struct webclient_answer answer = { .reason = "no answer" };
	const struct webclient_post what = { .url =
	    arena_fmt(a, "http://%s:%d/",
		host, port).p, .headers = headers, .body = STR("{}") };
	int64_t end = clock_mono() + 10 * CLOCK_SECOND;
	bool done = false;

	ck_assert(webclient_pool_start(pool, &what));
	while (!done && !knocked() && clock_mono() < end) {
		webclient_poller_work(pool, 50, NULL);
		done = webclient_pool_next(pool, &answer);
	}
	webclient_pool_free(&pool);
	return answer.reason;
}

/*
 * Rows WH2, WH3: whatever a URL passed before, what counts is the address that
 * is connected to. localhost stands for a name that moved inside.
 */
START_TEST(no_private_address_is_connected_to_by_whatever_name)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1",
		"127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001",
		"0177.0.0.01", "0", "0.0.0.0", "[::1]", "[::]",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
		"[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
		"[2001:0:7f00:1::]", "10.0.0.1", "169.254.169.254",
		"100.64.0.1", "[fe80::1]", "[fd00::1]" };

	smtp_init();
	listen_here();
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		const char *why = post(hosts[i], only_public);

		ck_assert_msg(why && strcmp(why, "not reachable") == 0,
		    "%s: %s", hosts[i], why ? why : "sent");
		ck_assert_msg(!knocked(), "%s was connected to", hosts[i]);
	}
	/* It is the filter that keeps us out. */
	post("localhost", every);
	ck_assert(knocked());
	close(listener);
}
END_TEST

UNIT("worker/webclient/webclient_pool",
    no_private_address_is_connected_to_by_whatever_name)
