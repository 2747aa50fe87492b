/* The pool of mails in front of a relay, which is a process of this test. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/smtp/smtp.h"

static int heard; /* a pipe: recipients in the order they came */
static int go;	  /* a pipe: the relay may read on */
static pid_t relay;

/* Once it may: was the data ended, or did the connection end before? */
static void
read_on(FILE *in, int wait, int tell)
{
	char line[1024];
	bool whole = false;

	if (write(tell, "d", 1) != 1 || read(wait, line, 1) != 1)
		_exit(1);
	while (fgets(line, sizeof(line), in))
		whole |= strcmp(line, ".\r\n") == 0;
	_exit(write(tell, whole ? "w" : "c", 1) != 1);
}

/*
 * One connection: answers everything, 550 to recipients that begin with x; of
 * a mail to s it reads no data before it may.
 */
static void
serve(int fd, int wait, int tell)
{
	FILE *in = fdopen(dup(fd), "r");
	char line[1024];
	bool data = false, stall = false;

	dprintf(fd, "220 relay\r\n");
	while (in && fgets(line, sizeof(line), in)) {
		if (data && strcmp(line, ".\r\n") != 0)
			continue;
		data = strncmp(line, "DATA", 4) == 0;
		if (strncmp(line, "RCPT TO:<", 9) == 0 &&
		    write(tell, line + 9, 1) != 1)
			_exit(1);
		dprintf(fd, "%s\r\n", strncmp(line, "RCPT TO:<x", 10) == 0 ?
		    "550 5.1.1 <x@y.test> unknown" : data ? "354 go on" :
		    "250 ok");
		stall |= strncmp(line, "RCPT TO:<s", 10) == 0;
		if (data && stall)
			read_on(in, wait, tell);
	}
	_exit(0);
}

static int
relay_start(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0), wait[2], tell[2], peer;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert(bind(fd, (struct sockaddr *)&sa, n) == 0);
	ck_assert(listen(fd, 8) == 0 && pipe(wait) == 0 && pipe(tell) == 0);
	ck_assert(getsockname(fd, (struct sockaddr *)&sa, &n) == 0);
	relay = fork();
	if (relay == 0) {
		setpgid(0, 0);
		signal(SIGCHLD, SIG_IGN);
		signal(SIGUSR1, SIG_IGN);
		while ((peer = accept(fd, NULL, NULL)) >= 0) {
			if (fork() == 0) {
				signal(SIGUSR1, SIG_DFL);
				serve(peer, wait[0], tell[1]);
			}
			close(peer);
		}
		_exit(0);
	}
	setpgid(relay, relay);
	close(fd);
	close(wait[0]);
	close(tell[1]);
	go = wait[1];
	heard = tell[0];
	return ntohs(sa.sin_port);
}

static void
relay_stop(void)
{
	kill(-relay, SIGKILL);
	waitpid(relay, NULL, 0);
	close(heard);
	close(go);
}

static struct smtp_pool *
pool(int port, int connections)
{
	struct smtp_options o = { .host = "127.0.0.1", .port = port,
		.user = "", .password = "", .ca_file = "",
		.connections = connections };
	struct smtp_pool *t;

	smtp_init();
	t = smtp_new(&o);
	ck_assert_ptr_nonnull(t);
	return t;
}

static void
put(struct smtp_pool *t, const char *to, int priority, int64_t before)
{
	smtp_add(t, &(struct smtp_mail){ .from = STR("a@b.test"),
	    .to = str_of(to), .message = STR("Subject: x\r\n\r\nx\r\n"),
	    .priority = priority, .before = before,
	    .arg = (void *)(uintptr_t)to });
}

/* Work until all have ended; how each did, by the first letter of its to. */
static void
run(struct smtp_pool *t, enum smtp_end ends[128])
{
	struct smtp_result r;

	while (smtp_waiting(t) || smtp_busy(t))
		smtp_work(t, NULL, 1000);
	while (smtp_next(t, &r))
		ends[*(const unsigned char *)r.arg & 127] = r.end;
}

START_TEST(the_most_urgent_goes_first_and_of_those_the_oldest)
{
	struct smtp_pool *t = pool(relay_start(), 1);
	enum smtp_end ends[128] = { SMTP_LOST };
	char order[6] = "";

	put(t, "d@y.test", 5, INT64_MAX);
	put(t, "e@y.test", 5, INT64_MAX);
	put(t, "b@y.test", 1, INT64_MAX);
	put(t, "a@y.test", 0, INT64_MAX);
	put(t, "c@y.test", 1, INT64_MAX);
	run(t, ends);
	ck_assert_int_eq(read(heard, order, 5), 5);
	ck_assert_str_eq(order, "abcde");
	for (const char *p = "abcde"; *p; p++)
		ck_assert_int_eq(ends[(int)*p], SMTP_DONE);
	smtp_free(&t);
	relay_stop();
}
END_TEST

/* Row RE7: it waited behind others until it was worthless. */
START_TEST(what_is_late_is_never_begun)
{
	struct smtp_pool *t = pool(relay_start(), 2);
	enum smtp_end ends[128] = { SMTP_LOST };
	char order[2] = "";

	put(t, "l@y.test", 0, clock_mono() - 1);
	put(t, "a@y.test", 1, clock_mono() + 60 * CLOCK_SECOND);
	run(t, ends);
	ck_assert_int_eq(ends['l'], SMTP_LATE);
	ck_assert_int_eq(ends['a'], SMTP_DONE);
	ck_assert_int_eq(read(heard, order, 2), 1);
	ck_assert_str_eq(order, "a");
	smtp_free(&t);
	relay_stop();
}
END_TEST

/* Row RE5. */
START_TEST(one_refused_mail_leaves_the_others_alone)
{
	struct smtp_pool *t = pool(relay_start(), 2);
	enum smtp_end ends[128] = { SMTP_LOST };

	put(t, "x@y.test", 0, INT64_MAX);
	put(t, "a@y.test", 0, INT64_MAX);
	put(t, "b@y.test", 0, INT64_MAX);
	put(t, "c@y.test", 0, INT64_MAX);
	run(t, ends);
	ck_assert_int_eq(ends['x'], SMTP_REFUSED);
	for (const char *p = "abc"; *p; p++)
		ck_assert_int_eq(ends[(int)*p], SMTP_DONE);
	smtp_free(&t);
	relay_stop();
}
END_TEST

START_TEST(without_a_relay_one_finds_out_and_the_line_is_cleared)
{
	struct smtp_pool *t = pool(relay_start(), 1);
	enum smtp_end ends[128] = { SMTP_LOST };

	relay_stop();
	put(t, "a@y.test", 0, INT64_MAX);
	put(t, "b@y.test", 0, INT64_MAX);
	run(t, ends);
	ck_assert_int_eq(ends['a'], SMTP_UNREACHABLE);
	ck_assert_int_eq(ends['b'], SMTP_UNSENT);
	smtp_free(&t);
}
END_TEST

/* The kept connection is dead: replaced, not a failure. */
START_TEST(a_dead_connection_is_replaced_once)
{
	int port = relay_start();
	struct smtp_pool *t = pool(port, 1);
	enum smtp_end ends[128] = { SMTP_LOST };

	put(t, "a@y.test", 0, INT64_MAX);
	run(t, ends);
	ck_assert_int_eq(ends['a'], SMTP_DONE);
	/* Its process, not the one that accepts. */
	kill(-relay, SIGUSR1);
	put(t, "b@y.test", 0, INT64_MAX);
	run(t, ends);
	ck_assert_int_eq(ends['b'], SMTP_DONE);
	smtp_free(&t);
	relay_stop();
}
END_TEST

START_TEST(the_wait_for_something_else_ends_with_it)
{
	struct smtp_pool *t = pool(relay_start(), 1);
	enum smtp_end ends[128] = { SMTP_LOST };
	struct pollfd p = { .events = POLLIN };
	int both[2];

	ck_assert(pipe(both) == 0 && write(both[1], "x", 1) == 1);
	p.fd = both[0];
	put(t, "a@y.test", 0, INT64_MAX);
	smtp_work(t, &p, 60000);
	ck_assert_int_eq(p.revents, POLLIN);
	run(t, ends);
	ck_assert_int_eq(ends['a'], SMTP_DONE);
	smtp_free(&t);
	relay_stop();
}
END_TEST

START_TEST(what_is_abandoned_ends_as_that)
{
	struct smtp_pool *t = pool(relay_start(), 1);
	enum smtp_end ends[128] = { SMTP_LOST };

	put(t, "s@y.test", 0, INT64_MAX);
	put(t, "b@y.test", 0, INT64_MAX);
	smtp_work(t, NULL, 0);
	ck_assert_int_eq(smtp_busy(t), 1);
	smtp_abandon(t);
	run(t, ends);
	ck_assert_int_eq(ends['s'], SMTP_STOPPED);
	ck_assert_int_eq(ends['b'], SMTP_UNSENT);
	smtp_free(&t);
	relay_stop();
}
END_TEST

/* Row RE4: what was sent of it is no mail, and nobody waits for the relay. */
START_TEST(what_is_abandoned_is_not_made_a_mail)
{
	struct smtp_pool *t = pool(relay_start(), 1);
	size_t n = 64u << 20; /* more than sockets hold */
	char *text = malloc(n), said[2] = "";
	struct smtp_result r;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < n; i++)
		text[i] = "0123456789abcdef0123456789abcd\r\n"[i % 32];
	smtp_add(t, &(struct smtp_mail){ .from = STR("a@b.test"),
	    .to = STR("s@y.test"), .message = { text, n },
	    .before = INT64_MAX, .arg = text });
	for (struct pollfd p = { .fd = heard, .events = POLLIN };
	    poll(&p, 1, 0) == 0; )
		smtp_work(t, NULL, 10);
	for (int i = 0; i < 100; i++)
		smtp_work(t, NULL, 1);
	smtp_abandon(t);
	ck_assert(smtp_next(t, &r) && r.maybe_sent);
	ck_assert_int_eq(r.end, SMTP_STOPPED);
	ck_assert_int_eq(write(go, "g", 1), 1);
	/* the recipient, the data begun, and how it ended */
	for (const char *p = "sdc"; *p; p++) {
		ck_assert_int_eq(read(heard, said, 1), 1);
		ck_assert_int_eq(said[0], *p);
	}
	smtp_free(&t);
	relay_stop();
	free(text);
}
END_TEST

/* Until it was heard to have begun the data of a mail to s. */
static void
until_data(struct smtp_pool *t)
{
	struct pollfd p = { .fd = heard, .events = POLLIN };
	char c = 0;

	while (c != 'd')
		if (poll(&p, 1, 0) == 0)
			smtp_work(t, NULL, 10);
		else
			ck_assert_int_eq(read(heard, &c, 1), 1);
}

/* Row RE5: libcurl waits for that reply inside a call. */
START_TEST(a_reply_that_is_held_back_holds_up_nothing_else)
{
	struct smtp_pool *t = pool(relay_start(), 2);
	enum smtp_end ends[128] = { SMTP_LOST };
	struct smtp_result r = { .end = SMTP_LOST };

	put(t, "s@y.test", 0, INT64_MAX);
	until_data(t);
	put(t, "a@y.test", 0, INT64_MAX);
	while (!smtp_next(t, &r))
		smtp_work(t, NULL, 1000);
	ck_assert_str_eq(r.arg, "a@y.test");
	ck_assert_int_eq(r.end, SMTP_DONE);
	ck_assert_int_eq(smtp_busy(t), 1);
	smtp_abandon(t);
	run(t, ends);
	ck_assert_int_eq(ends['s'], SMTP_STOPPED);
	smtp_free(&t);
	relay_stop();
}
END_TEST

/* Row RE12: what the relay may have taken is said to be that. */
START_TEST(the_wait_for_a_reply_can_be_given_up)
{
	struct smtp_pool *t = pool(relay_start(), 1);
	struct smtp_result r;

	put(t, "s@y.test", 0, INT64_MAX);
	until_data(t);
	for (int i = 0; i < 100; i++)
		smtp_work(t, NULL, 1);
	smtp_abandon(t);
	ck_assert(smtp_next(t, &r) && r.maybe_sent);
	ck_assert_int_eq(r.end, SMTP_STOPPED);
	ck_assert_int_eq(smtp_busy(t), 0);
	smtp_free(&t);
	relay_stop();
}
END_TEST

static int
threads(void)
{
	struct dirent *e;
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

START_TEST(one_thread_for_one_mail_and_none_at_rest)
{
	struct smtp_pool *t = pool(relay_start(), 3);
	enum smtp_end ends[128] = { SMTP_LOST };
	int before = threads();

	ck_assert(smtp_rest(t));
	put(t, "a@y.test", 0, INT64_MAX);
	run(t, ends);
	put(t, "b@y.test", 0, INT64_MAX);
	run(t, ends);
	ck_assert_int_eq(threads(), before + 1);
	ck_assert(smtp_rest(t));
	ck_assert_int_eq(threads(), before);
	put(t, "c@y.test", 0, INT64_MAX);
	run(t, ends);
	for (const char *p = "abc"; *p; p++)
		ck_assert_int_eq(ends[(int)*p], SMTP_DONE);
	smtp_free(&t);
	ck_assert_int_eq(threads(), before);
	relay_stop();
}
END_TEST

START_TEST(what_wants_to_rest_begins_nothing)
{
	struct smtp_pool *t = pool(relay_start(), 2);
	enum smtp_end ends[128] = { SMTP_LOST };

	put(t, "s@y.test", 0, INT64_MAX);
	until_data(t);
	ck_assert(!smtp_rest(t));
	put(t, "a@y.test", 0, INT64_MAX);
	smtp_work(t, NULL, 10);
	ck_assert_int_eq(smtp_waiting(t), 1);
	ck_assert_int_eq(write(go, "g", 1), 1);
	kill(-relay, SIGUSR1);
	while (!smtp_rest(t))
		smtp_work(t, NULL, 1000);
	put(t, "b@y.test", 0, INT64_MAX);
	run(t, ends);
	ck_assert_int_eq(ends['s'], SMTP_LOST);
	ck_assert_int_eq(ends['b'], SMTP_DONE);
	smtp_free(&t);
	relay_stop();
}
END_TEST

UNIT("worker/smtp/smtp_pool",
    the_most_urgent_goes_first_and_of_those_the_oldest,
    what_is_late_is_never_begun,
    one_refused_mail_leaves_the_others_alone,
    without_a_relay_one_finds_out_and_the_line_is_cleared,
    a_dead_connection_is_replaced_once,
    the_wait_for_something_else_ends_with_it,
    what_is_abandoned_ends_as_that,
    what_is_abandoned_is_not_made_a_mail,
    a_reply_that_is_held_back_holds_up_nothing_else,
    the_wait_for_a_reply_can_be_given_up,
    one_thread_for_one_mail_and_none_at_rest,
    what_wants_to_rest_begins_nothing)
