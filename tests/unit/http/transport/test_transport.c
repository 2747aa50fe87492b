#include "tests/unit/unit.h"

#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "tests/unit/http/transport/fcgi_client.h"
#include "web/worker/worker.h"

static struct wire w;
static char out[1 << 20];
static bool ended;
static int fd;
static pid_t server;
static bool libfcgi; /* whose hand is tested */

/* Pieces of 64 kB in one buffer, up to the hundredth, or an error after ten. */
static enum err
piece(void *obj, struct str *out_piece)
{
	static char bytes[64000];
	int *n = obj;

	memset(bytes, 'a' + *n % 26, sizeof(bytes));
	*out_piece = (struct str){ bytes, *n < 100 ? sizeof(bytes) : 0 };
	return ++*n == -80 ? E_UNAVAILABLE : E_OK;
}

/* Says what it saw: lane, error, parameters of interest, body. */
static void
report(void *obj, struct exchange *x)
{
	struct str body = STR("");
	enum err e = x->err;
	static const struct header h = { "Content-Type", { "a/b", 3 } };

	(void)obj;
	if (str_eq(transport_param(x, STR("PATH_INFO")), STR("/big"))) {
		char *big = arena_alloc(x->arena, 600000);

		memset(big, 'x', 600000);
		transport_answer(x, 200, &h, 1, (struct str){ big, 600000 });
		return;
	}
	if (str_eq(transport_param(x, STR("PATH_INFO")), STR("/none")))
		return;
	if (str_eq(transport_param(x, STR("PATH_INFO")), STR("/stream")) ||
	    str_eq(transport_param(x, STR("PATH_INFO")), STR("/cut"))) {
		int n = str_eq(transport_param(x, STR("PATH_INFO")),
		    STR("/cut")) ? -90 : 94;

		transport_stream(x, 200, &h, 1, STR("first"), piece, &n);
		return;
	}
	if (e == E_OK &&
	    !str_eq(transport_param(x, STR("PATH_INFO")), STR("/unread")))
		e = transport_body(x, 1000, &body);
	transport_answer(x, err_status(e), &h, 1,
	    arena_fmt(x->arena, "%s n=%zu proxy=%.*s a=%.*s body=%.*s",
		err_code(e), x->nparams,
		STR_FMT(transport_param(x, STR("HTTP_PROXY"))),
		STR_FMT(transport_param(x, STR("HTTP_A"))), STR_FMT(body)));
}

/* A worker that serves until SIGTERM. */
static void __attribute__((noreturn))
serve(int listener)
{
	const struct worker_hooks hooks = { .serve = report };
	const struct worker_options o = { .kind = WORKER_SINGLE,
		.libfcgi = libfcgi, .listen_fd = listener, .ready_fd = -1,
		.hooks = &hooks };

	_exit(worker_run(&o));
}

static void
connect_to_server(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t n = sizeof(at.sun_family); /* the kernel finds a name */
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, n), 0);
	ck_assert_int_eq(listen(listener, 64), 0);
	n = sizeof(at);
	getsockname(listener, (struct sockaddr *)&at, &n);
	server = fork();
	if (server == 0)
		serve(listener);
	close(listener);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, n), 0);
}

/* The server must end when it is told, not by a fault. */
static void
server_lives(void)
{
	int status;

	close(fd);
	kill(server, SIGTERM);
	ck_assert_int_eq(waitpid(server, &status, 0), server);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define PARAMS_OF(...) (const char *const[]){ __VA_ARGS__, NULL }

/* One request on a fresh connection; the body of the answer. */
static const char *
ask(const char *const *pairs, struct str body)
{
	const char *at;

	connect_to_server();
	wire_request(&w, 0, pairs, body);
	wire_send(fd, w.p, w.n);
	wire_answer(fd, out, &ended);
	ck_assert(ended);
	ck_assert(wire_closed(fd));
	server_lives();
	at = strstr(out, "\r\n\r\n");
	return at ? at + 4 : "";
}

/* HB2: a client's Proxy: header reaches nobody. */
START_TEST(a_request_is_parsed_and_answered)
{
	const char *body = ask(PARAMS_OF("REQUEST_METHOD=POST",
		"HTTP_PROXY=evil", "HTTP_A=1", "HTTP_A=2",
		"CONTENT_LENGTH=5"), STR("hello"));

	/* libfcgi tells the role as a parameter. */
	ck_assert_str_eq(body, libfcgi ? "OK n=5 proxy= a=1 body=hello" :
	    "OK n=4 proxy= a=1 body=hello");
	ck_assert_ptr_nonnull(strstr(out, "Status: 200 OK\r\n"));
	ck_assert_ptr_nonnull(strstr(out, "Content-Length: 28\r\n"));
	ck_assert_ptr_nonnull(strstr(out, "Content-Type: a/b\r\n"));
}
END_TEST

START_TEST(head_gets_no_body)
{
	ck_assert_str_eq(ask(PARAMS_OF("REQUEST_METHOD=HEAD"), STR("")), "");
	ck_assert_ptr_nonnull(strstr(out, "Content-Length: "));
}
END_TEST

/* HB5 */
START_TEST(content_length_must_be_true)
{
	static const struct {
		const char *length, *want;
	} cases[] = {
		{ "CONTENT_LENGTH=", "OK" }, { "CONTENT_LENGTH=-1", "OK" },
		{ "X=", "OK" }, { "CONTENT_LENGTH=5", "OK" },
		{ "CONTENT_LENGTH=4", "BAD_REQUEST" },
		{ "CONTENT_LENGTH=6", "BAD_REQUEST" },
		{ "CONTENT_LENGTH=0", "BAD_REQUEST" },
		{ "CONTENT_LENGTH=+5", "BAD_REQUEST" },
		{ "CONTENT_LENGTH= 5", "BAD_REQUEST" },
		{ "CONTENT_LENGTH=5, 5", "BAD_REQUEST" },
		{ "CONTENT_LENGTH=0x5", "BAD_REQUEST" },
		{ "CONTENT_LENGTH=-5", "BAD_REQUEST" },
		{ "CONTENT_LENGTH=1001", "PAYLOAD_TOO_LARGE" },
		{ "CONTENT_LENGTH=18446744073709551621",
		    "PAYLOAD_TOO_LARGE" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *body = ask(PARAMS_OF("REQUEST_METHOD=POST",
			cases[i].length), STR("hello"));

		ck_assert_msg(strncmp(body, cases[i].want,
			strlen(cases[i].want)) == 0, "%s: %s",
		    cases[i].length, body);
	}
}
END_TEST

START_TEST(two_lengths_are_refused)
{
	ck_assert_int_eq(strncmp(ask(PARAMS_OF("CONTENT_LENGTH=5",
		"CONTENT_LENGTH=5"), STR("hello")), "BAD_REQUEST", 11), 0);
}
END_TEST

START_TEST(a_body_of_unknown_length_has_a_limit)
{
	static char big[1002];

	memset(big, 'x', sizeof(big));
	ck_assert_int_eq(strncmp(ask(PARAMS_OF("CONTENT_LENGTH="),
		(struct str){ big, 1000 }), "OK ", 3), 0);
	ck_assert_int_eq(strncmp(ask(PARAMS_OF("CONTENT_LENGTH="),
		(struct str){ big, 1001 }), "PAYLOAD_TOO", 11), 0);
}
END_TEST

/* HB3 */
START_TEST(parameters_have_limits)
{
	static char value[LIMIT_HEADER + 16];
	static char many[LIMIT_PARAMS + 8][24];
	const char *list[LIMIT_PARAMS + 9] = { NULL };

	memset(value, 'x', sizeof(value) - 1);
	memcpy(value, "HTTP_A=", 7);
	ck_assert_ptr_nonnull(strstr(ask(PARAMS_OF(value), STR("")),
	    "HEADERS_TOO_LARGE"));
	ck_assert_ptr_nonnull(strstr(out, "Status: 431 "));
	value[LIMIT_HEADER + 7] = '\0';
	ck_assert_int_eq(strncmp(ask(PARAMS_OF(value), STR("")), "OK", 2), 0);
	for (int i = 0; i < LIMIT_PARAMS + 8; i++) {
		snprintf(many[i], sizeof(many[i]), "HTTP_%d=x", i);
		list[i] = many[i];
	}
	ck_assert_ptr_nonnull(strstr(ask(list, STR("")),
	    "HEADERS_TOO_LARGE"));
}
END_TEST

START_TEST(records_split_anywhere_are_one_request)
{
	connect_to_server();
	wire_request(&w, 0, PARAMS_OF("HTTP_A=b", "CONTENT_LENGTH=5"),
	    STR("hello"));
	for (size_t i = 0; i < w.n; i++) {
		wire_send(fd, w.p + i, 1);
		if (i % 7 == 0)
			poll(NULL, 0, 1);
	}
	wire_answer(fd, out, &ended);
	ck_assert(ended);
	ck_assert_ptr_nonnull(strstr(out, "a=b body=hello"));
	server_lives();
}
END_TEST

START_TEST(a_signal_does_not_cut_a_body_short)
{
	connect_to_server();
	wire_request(&w, 0, PARAMS_OF("CONTENT_LENGTH=5"), STR("hello"));
	wire_send(fd, w.p, w.n - 11);
	poll(NULL, 0, 50);
	/* Workers block it; here it must at least not look like an end. */
	kill(server, SIGTERM);
	poll(NULL, 0, 50);
	wire_send(fd, w.p + w.n - 11, 11);
	wire_answer(fd, out, &ended);
	ck_assert_ptr_null(strstr(out, "body=he\n"));
	ck_assert(strstr(out, "body=hello") || strstr(out, "BAD_REQUEST"));
	server_lives();
}
END_TEST

START_TEST(a_peer_that_goes_away_is_an_error)
{
	connect_to_server();
	wire_request(&w, 0, PARAMS_OF("CONTENT_LENGTH=5"), STR("hello"));
	wire_send(fd, w.p, w.n - 10);
	shutdown(fd, SHUT_WR);
	wire_answer(fd, out, &ended);
	ck_assert(libfcgi ? strstr(out, "BAD_REQUEST") != NULL : !ended);
	server_lives();
}
END_TEST

/* ecosystem 2.1: a stalled peer must not pin a worker. */
START_TEST(a_stalled_body_times_out)
{
	connect_to_server();
	wire_request(&w, 0, PARAMS_OF("CONTENT_LENGTH=5"), STR("hello"));
	wire_send(fd, w.p, w.n - 10);
	wire_answer(fd, out, &ended);
	ck_assert_ptr_nonnull(strstr(out, "REQUEST_TIMEOUT"));
	server_lives();
}
END_TEST

/*
 * nginx sends no more of a body that was answered and waits for the end: it
 * must not wait for us to give the rest up. What it still sends is read.
 */
START_TEST(an_early_answer_ends_before_the_body_does)
{
	connect_to_server();
	wire_begin(&w, 1, 0);
	wire_params(&w, PARAMS_OF("CONTENT_LENGTH=65537"));
	wire_record(&w, IN, STR("he"));
	wire_send(fd, w.p, w.n);
	wire_answer(fd, out, &ended);
	ck_assert(ended);
	ck_assert_ptr_nonnull(strstr(out, "PAYLOAD_TOO_LARGE"));
	ck_assert(wire_closed(fd));
	ck_assert_int_eq(send(fd, "\1", 1, MSG_NOSIGNAL), 1);
	server_lives();
}
END_TEST

START_TEST(a_peer_that_says_one_byte_is_dropped)
{
	connect_to_server();
	wire_send(fd, "\1", 1);
	ck_assert(wire_closed(fd));
	server_lives();
}
END_TEST

START_TEST(an_abort_ends_the_request_only)
{
	connect_to_server();
	wire_begin(&w, 1, 0);
	wire_params(&w, PARAMS_OF("CONTENT_LENGTH=5"));
	wire_record(&w, IN, STR("he"));
	wire_record(&w, ABORT, STR(""));
	wire_send(fd, w.p, w.n);
	wire_answer(fd, out, &ended);
	ck_assert(ended);
	ck_assert(libfcgi ? strstr(out, "BAD_REQUEST") != NULL : *out == '\0');
	server_lives();
}
END_TEST

#ifdef HAVE_LIBFCGI
/* ecosystem 2.1: four of these smash libfcgi's stack. */
START_TEST(get_values_closes_the_connection)
{
	static const char pair[] = "\16\0FCGI_MAX_CONNS\16\0FCGI_MAX_CONNS"
				   "\16\0FCGI_MAX_CONNS\16\0FCGI_MAX_CONNS";

	connect_to_server();
	w.n = 0;
	wire_record(&w, GET_VALUES, (struct str){ pair, sizeof(pair) - 1 });
	w.p[3] = 0;
	wire_send(fd, w.p, w.n);
	ck_assert(wire_closed(fd));
	server_lives();
}
END_TEST
#endif

START_TEST(garbage_closes_the_connection)
{
	unsigned seed = 4711;

	for (int round = 0; round < 100; round++) {
		connect_to_server();
		wire_request(&w, 0, PARAMS_OF("HTTP_A=b"), STR("hello"));
		for (int i = 0; i < 4; i++) {
			seed = seed * 1103515245u + 12345u;
			/* Not the high byte of a length: that only waits. */
			if (round % 2 || (seed >> 16) % w.n > 16)
				w.p[(seed >> 16) % w.n] = (char)(seed >> 8);
		}
		wire_send(fd, w.p, w.n);
		shutdown(fd, SHUT_WR);
		wire_answer(fd, out, &ended);
		server_lives();
	}
}
END_TEST

/* CVE-2025-23016: lengths that overflow when added up. */
START_TEST(huge_parameter_lengths_do_no_harm)
{
	static const char huge[] = "\xff\xff\xff\xff\xff\xff\xff\xffHTTP_A";

	connect_to_server();
	wire_begin(&w, 1, 0);
	wire_record(&w, PARAMS, (struct str){ huge, sizeof(huge) - 1 });
	wire_record(&w, PARAMS, STR(""));
	wire_record(&w, IN, STR(""));
	wire_send(fd, w.p, w.n);
	shutdown(fd, SHUT_WR);
	wire_answer(fd, out, &ended);
	ck_assert(libfcgi ? !ended : strstr(out, "BAD_REQUEST") != NULL);
	server_lives();
}
END_TEST

/* HB11: nothing of one request is seen by the next; unread bodies too. */
START_TEST(a_kept_connection_serves_request_after_request)
{
	static char body[900];

	memset(body, 'b', sizeof(body));
	connect_to_server();
	for (int i = 0; i < 50; i++) {
		bool first = i % 2 == 0;

		wire_request(&w, 1, first ? PARAMS_OF("HTTP_A=secret",
		    "PATH_INFO=/unread", "CONTENT_LENGTH=900") :
		    PARAMS_OF("CONTENT_LENGTH=0"),
		    (struct str){ body, first ? 900 : 0 });
		wire_send(fd, w.p, w.n);
		wire_answer(fd, out, &ended);
		ck_assert(ended);
		ck_assert_ptr_nonnull(strstr(out, first ? "a=secret body=" :
		    " a= body="));
	}
	server_lives();
}
END_TEST

START_TEST(a_large_unread_body_does_not_break_the_connection)
{
	static char body[65000];

	connect_to_server();
	for (int i = 0; i < 3; i++) {
		wire_request(&w, 1, PARAMS_OF("PATH_INFO=/unread"),
		    (struct str){ body, sizeof(body) });
		wire_send(fd, w.p, w.n);
		wire_answer(fd, out, &ended);
		ck_assert(ended);
		ck_assert_ptr_nonnull(strstr(out, "OK"));
	}
	server_lives();
}
END_TEST

START_TEST(a_large_answer_arrives_whole)
{
	ck_assert_uint_eq(strlen(ask(PARAMS_OF("PATH_INFO=/big"), STR(""))),
	    600000);
}
END_TEST

START_TEST(a_body_made_on_the_way_arrives_piece_by_piece)
{
	const char *body = ask(PARAMS_OF("PATH_INFO=/stream"), STR(""));

	ck_assert_ptr_null(strstr(out, "Content-Length"));
	ck_assert_uint_eq(strlen(body), 5 + 6 * 64000);
	ck_assert(strncmp(body, "firstq", 6) == 0);
	ck_assert_int_eq(body[5 + 6 * 64000 - 1], 'a' + 99 % 26);
	ck_assert_str_eq(ask(PARAMS_OF("REQUEST_METHOD=HEAD",
		"PATH_INFO=/stream"), STR("")), "");
}
END_TEST

/* What is not whole must not look so: the request has no end. */
START_TEST(a_body_that_fails_on_the_way_is_cut_off)
{
	connect_to_server();
	wire_request(&w, 0, PARAMS_OF("PATH_INFO=/cut"), STR(""));
	wire_send(fd, w.p, w.n);
	wire_answer(fd, out, &ended);
	ck_assert(!ended);
	server_lives();
}
END_TEST

START_TEST(a_handler_without_an_answer_is_our_fault)
{
	ask(PARAMS_OF("PATH_INFO=/none"), STR(""));
	ck_assert_ptr_nonnull(strstr(out, "Status: 500 "));
}
END_TEST

/* ecosystem 1.6: no STDIN follows; reading it would wait for ever. */
START_TEST(an_authorizer_is_refused_without_its_body)
{
	connect_to_server();
	wire_begin(&w, 2, 0);
	wire_params(&w, PARAMS_OF("REQUEST_METHOD=GET"));
	wire_send(fd, w.p, w.n);
	wire_answer(fd, out, &ended);
	ck_assert(ended);
	ck_assert_ptr_nonnull(strstr(out, "Status: 403 "));
	server_lives();
}
END_TEST

static struct fcgi_peek
look(const char *p, size_t n)
{
	struct fcgi_peek k = { 0 };

	fcgi_peek_read(&k, a, (struct str){ p, n });
	return k;
}

START_TEST(the_peek_finds_the_target_in_any_shape)
{
	struct fcgi_peek k;

	wire_request(&w, 0, PARAMS_OF("SCRIPT_NAME=/x", "REQUEST_URI=/a?b",
	    "HTTP_X_HTTP_METHOD_OVERRIDE=DELETE", "REQUEST_METHOD=PUT",
	    "REQUEST_METHOD=GET"), STR("hello"));
	k = look(w.p, w.n);
	ck_assert(k.whole && k.ready && !k.refuse);
	ck_str(k.uri, "/a?b");
	ck_str(k.method, "PUT");
	ck_str(k.script, "/x");
	ck_str(k.override, "DELETE");
	/* PARAMS in two records, cut within a value; an end with padding */
	wire_begin(&w, 1, 0);
	wire_record(&w, PARAMS, STR("\13\4REQUEST_URI/a"));
	wire_record(&w, PARAMS, STR("bc"));
	wire_record(&w, PARAMS, STR(""));
	ck_assert(!look(w.p, w.n).ready);
	wire_record(&w, IN, STR(""));
	w.p[w.n - 2] = 3;
	wire_raw(&w, "pad", 3);
	k = look(w.p, w.n);
	ck_assert(k.whole && k.ready);
	ck_str(k.uri, "/abc");
}
END_TEST

/* What will not be read need not be waited for. */
START_TEST(the_peek_waits_for_no_body_that_is_refused)
{
	static char big[33000];

	wire_begin(&w, 1, 0);
	wire_params(&w, PARAMS_OF("CONTENT_LENGTH=65536"));
	ck_assert(look(w.p, w.n).head && !look(w.p, w.n).ready);
	wire_begin(&w, 1, 0);
	wire_params(&w, PARAMS_OF("CONTENT_LENGTH=99999999999999999999"));
	ck_assert(look(w.p, w.n).ready && !look(w.p, w.n).whole);
	wire_begin(&w, 2, 0);
	wire_params(&w, PARAMS_OF("REQUEST_METHOD=GET"));
	ck_assert(look(w.p, w.n).ready);
	wire_begin(&w, 1, 0);
	wire_params(&w, PARAMS_OF("REQUEST_METHOD=POST"));
	wire_record(&w, IN, (struct str){ big, sizeof(big) });
	ck_assert(!look(w.p, w.n).ready);
	wire_record(&w, IN, (struct str){ big, sizeof(big) });
	ck_assert(look(w.p, w.n).ready && !look(w.p, w.n).whole);
}
END_TEST

/* libfcgi skips them: their end is none, their target nobody's. */
START_TEST(the_peek_takes_records_of_one_request_only)
{
	for (int type = PARAMS; type <= IN; type++) {
		size_t at;

		wire_begin(&w, 1, 0);
		if (type == IN)
			wire_params(&w, PARAMS_OF("REQUEST_URI=/a"));
		at = w.n;
		wire_record(&w, type, STR(""));
		ck_assert(!look(w.p, w.n).refuse);
		w.p[at + 3] = 2;
		ck_assert(look(w.p, w.n).refuse);
		ck_assert(!look(w.p, w.n).ready);
	}
}
END_TEST

/* libfcgi adds such lengths up, and ends the process for want of memory. */
START_TEST(the_peek_refuses_pairs_that_do_not_fit)
{
	static const struct str said[] = { { "\xc0\0\0\0\xc0\0\0\0", 8 },
		{ "\xff\xff\xff\xff\1=", 6 }, { "\1\1a", 3 }, { "\1", 1 } };

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		struct fcgi_peek step = { 0 };

		wire_begin(&w, 1, 0);
		wire_record(&w, PARAMS, said[i]);
		ck_assert(!look(w.p, w.n).refuse);
		wire_record(&w, PARAMS, STR(""));
		fcgi_peek_read(&step, a, (struct str){ w.p, w.n });
		ck_assert(step.refuse && !step.ready);
		wire_record(&w, IN, STR(""));
		fcgi_peek_read(&step, a, (struct str){ w.p, w.n });
		ck_assert(step.refuse && !step.ready);
		ck_assert(look(w.p, w.n).refuse && !look(w.p, w.n).ready);
	}
}
END_TEST

START_TEST(the_peek_survives_every_cut_and_every_byte)
{
	struct fcgi_peek step = { 0 };
	char *copy;

	wire_request(&w, 0, PARAMS_OF("REQUEST_URI=/abc", "HTTP_A=b"),
	    STR("hello"));
	for (size_t n = 0; n <= w.n; n++) {
		/* A block of exactly n: a read behind it is seen. */
		copy = malloc(n + 1);
		memcpy(copy, w.p, n);
		ck_assert(look(copy, n).whole == (n == w.n));
		fcgi_peek_read(&step, a, (struct str){ copy, n });
		ck_assert(step.whole == (n == w.n));
		for (size_t i = 0; i < n; i++)
			for (int v = 0; v < 256; v += 51) {
				copy[i] = (char)v;
				look(copy, n);
				copy[i] = w.p[i];
			}
		free(copy);
	}
}
END_TEST

/* Row HB5: who is slow waits beside the worker, not in it. */
START_TEST(slow_requests_keep_nobody)
{
	static char answer[4096];
	int slow[40], first;
	struct sockaddr_un at;
	socklen_t n = sizeof(at);

	connect_to_server();
	first = fd;
	getpeername(fd, (struct sockaddr *)&at, &n);
	wire_request(&w, 0, PARAMS_OF("HTTP_A=b", "CONTENT_LENGTH=5"),
	    STR("hello"));
	for (int i = 0; i < 40; i++) {
		slow[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		ck_assert_int_eq(connect(slow[i], (struct sockaddr *)&at, n),
		    0);
		wire_send(slow[i], w.p, w.n * (size_t)i / 40);
	}
	wire_send(first, w.p, w.n);
	wire_answer(first, answer, &ended);
	ck_assert(ended && strstr(answer, "a=b body=hello"));
	for (int i = 0; i < 40; i++) {
		size_t sent = w.n * (size_t)i / 40;

		wire_send(slow[i], w.p + sent, w.n - sent);
		wire_answer(slow[i], answer, &ended);
		ck_assert_msg(ended && strstr(answer, "a=b body=hello"),
		    "%d: %s", i, answer);
		close(slow[i]);
	}
	server_lives();
}
END_TEST

/* Sixty of them are more than a worker may hold together. */
START_TEST(answers_that_nobody_reads_keep_nobody)
{
	int deaf[60];
	struct sockaddr_un at;
	socklen_t n = sizeof(at);

	connect_to_server();
	getpeername(fd, (struct sockaddr *)&at, &n);
	wire_request(&w, 0, PARAMS_OF("PATH_INFO=/big"), STR(""));
	for (int i = 0; i < 60; i++) {
		deaf[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		ck_assert_int_eq(connect(deaf[i], (struct sockaddr *)&at, n),
		    0);
		wire_send(deaf[i], w.p, w.n);
	}
	wire_request(&w, 0, PARAMS_OF("HTTP_A=b"), STR(""));
	wire_send(fd, w.p, w.n);
	wire_answer(fd, out, &ended);
	ck_assert(ended && strstr(out, "a=b body="));
	/* The newest is still there, whole; the oldest made room for it. */
	ck_assert_uint_gt(wire_answer(deaf[59], out, &ended), 600000);
	ck_assert(ended);
	wire_answer(deaf[0], out, &ended);
	ck_assert(!ended);
	for (int i = 0; i < 60; i++)
		close(deaf[i]);
	server_lives();
}
END_TEST

START_TEST(a_body_of_many_small_pieces_is_one_body)
{
	static char body[1000];

	memset(body, 'b', sizeof(body));
	connect_to_server();
	wire_begin(&w, 1, 0);
	wire_params(&w, PARAMS_OF("CONTENT_LENGTH=1000", "HTTP_A=b"));
	for (int i = 0; i < 1000; i++)
		wire_record(&w, IN, (struct str){ body, 1 });
	wire_record(&w, IN, STR(""));
	/* More pieces than the kernel's buffer takes unread. */
	for (size_t i = 0; i < w.n; i += 3)
		wire_send(fd, w.p + i, w.n - i < 3 ? w.n - i : 3);
	wire_answer(fd, out, &ended);
	ck_assert_msg(ended && strstr(out, "a=b body=bbb"), "%s", out);
	ck_assert_uint_eq(strspn(strstr(out, "body=") + 5, "b"), 1000);
	server_lives();
}
END_TEST

/* nginx, mod_fcgid and Caddy go on sending; a reset would be their 502. */
START_TEST(a_refused_body_is_read_to_its_end)
{
	static char body[60000];

	connect_to_server();
	wire_begin(&w, 1, 0);
	wire_params(&w, PARAMS_OF("CONTENT_LENGTH=9000000"));
	wire_send(fd, w.p, w.n);
	w.n = 0;
	wire_record(&w, IN, (struct str){ body, sizeof(body) });
	for (int i = 0; i < 150; i++) {
		ssize_t k = send(fd, w.p, w.n, MSG_NOSIGNAL);

		ck_assert_msg(k > 0, "piece %d: %s", i, strerror(errno));
	}
	wire_answer(fd, out, &ended);
	ck_assert(ended && strstr(out, "PAYLOAD_TOO_LARGE"));
	server_lives();
}
END_TEST

/* --- our own hand */

/* A record of any shape, sent. */
static void
say(int type, int id, struct str content, int padding)
{
	static const char pad[255];

	w.n = 0;
	wire_record(&w, type, content);
	w.p[2] = (char)(id >> 8);
	w.p[3] = (char)id;
	w.p[6] = (char)padding;
	wire_raw(&w, pad, (size_t)padding);
	wire_send(fd, w.p, w.n);
}

/* The next record that the worker sends; its content is in out. */
static int
hear(int *id)
{
	unsigned char h[8];
	size_t n;

	ck_assert_int_eq(recv(fd, h, 8, MSG_WAITALL), 8);
	n = (size_t)h[4] << 8 | h[5];
	ck_assert_int_eq(recv(fd, out, n, MSG_WAITALL), n);
	out[n] = '\0';
	*id = h[2] << 8 | h[3];
	return h[1];
}

static const struct str keep = { "\0\1\1\0\0\0\0\0", 8 };

/* A whole request on the connection that there is. */
static void
ask_again(const char *value)
{
	const char *pair = arena_fmt(a, "HTTP_A=%s", value).p;

	wire_request(&w, 1, PARAMS_OF(pair), STR(""));
	wire_send(fd, w.p, w.n);
	wire_answer(fd, out, &ended);
	ck_assert(ended && strstr(out, arena_fmt(a, "a=%s ", value).p));
}

/* FastCGI 1.0, 4.1: what it says stands in every record of a request too. */
START_TEST(padding_is_taken_on_every_record)
{
	connect_to_server();
	for (int padding = 255; padding >= 0; padding -= 51) {
		say(GET_VALUES, 0, STR(""), padding);
		say(11, 0, STR("x"), padding);
		say(BEGIN, 1, keep, padding);
		say(PARAMS, 1, STR("\6\1HTTP_Ax"), padding);
		say(ABORT, 2, STR("x"), padding);
		say(PARAMS, 1, STR(""), padding);
		say(IN, 1, STR("body"), padding);
		say(IN, 1, STR(""), padding);
		wire_answer(fd, out, &ended);
		ck_assert(ended && strstr(out, "a=x body=body"));
	}
	server_lives();
}
END_TEST

START_TEST(get_values_is_answered)
{
	int id;

	connect_to_server();
	for (int padding = 0; padding < 8; padding += 7) {
		say(GET_VALUES, 0, STR("\17\0FCGI_MPXS_CONNS\4\0EVIL"
		    "\16\0FCGI_MAX_CONNS"), padding);
		ck_assert_int_eq(hear(&id), 10);
		ck_assert_int_eq(id, 0);
		ck_assert_int_eq(memcmp(out, "\17\1FCGI_MPXS_CONNS0", 18), 0);
		ck_assert_int_eq(memcmp(out + 18, "\16\4FCGI_MAX_CONNS", 16),
		    0);
	}
	ask_again("x");
	server_lives();
}
END_TEST

/* What smashes libfcgi's stack is answered as far as there is room. */
START_TEST(get_values_has_a_bound)
{
	static char many[129];
	int id;

	connect_to_server();
	say(GET_VALUES, 0, STR("\16\0FCGI_MAX_CONNS\16\0FCGI_MAX_CONNS"
	    "\16\0FCGI_MAX_CONNS\16\0FCGI_MAX_CONNS"
	    "\16\0FCGI_MAX_CONNS\16\0FCGI_MAX_CONNS"), 0);
	ck_assert_int_eq(hear(&id), 10);
	say(GET_VALUES, 0, (struct str){ many, sizeof(many) }, 0);
	ck_assert(wire_closed(fd));
	server_lives();
}
END_TEST

START_TEST(an_unknown_type_is_told)
{
	int id;

	connect_to_server();
	say(77, 0, STR("whatever"), 3);
	ck_assert_int_eq(hear(&id), 11);
	ck_assert_int_eq(out[0], 77);
	ask_again("x");
	server_lives();
}
END_TEST

START_TEST(a_second_request_at_once_is_told_so)
{
	int id;

	connect_to_server();
	say(BEGIN, 1, keep, 0);
	say(BEGIN, 700, keep, 0);
	ck_assert_int_eq(hear(&id), END);
	ck_assert_int_eq(id, 700);
	ck_assert_int_eq(out[4], 1); /* FCGI_CANT_MPX_CONN */
	say(PARAMS, 700, STR("\6\1HTTP_Ay"), 0);
	say(PARAMS, 1, STR("\6\1HTTP_Ax"), 0);
	say(PARAMS, 700, STR(""), 0);
	say(PARAMS, 1, STR(""), 0);
	say(IN, 700, STR(""), 0);
	say(IN, 1, STR(""), 0);
	wire_answer(fd, out, &ended);
	ck_assert(ended && strstr(out, "n=1 ") && strstr(out, "a=x body="));
	server_lives();
}
END_TEST

START_TEST(an_unknown_role_is_told)
{
	int id;

	connect_to_server();
	say(BEGIN, 1, (struct str){ "\0\3\1\0\0\0\0\0", 8 }, 0);
	ck_assert_int_eq(hear(&id), END);
	ck_assert_int_eq(out[4], 3); /* FCGI_UNKNOWN_ROLE */
	ask_again("x");
	say(BEGIN, 1, (struct str){ "\0\4\0\0\0\0\0\0", 8 }, 0);
	ck_assert_int_eq(hear(&id), END);
	ck_assert(wire_closed(fd));
	server_lives();
}
END_TEST

START_TEST(an_aborted_request_leaves_the_connection)
{
	int id;

	connect_to_server();
	for (int i = 0; i < 3; i++) {
		say(BEGIN, 9, keep, 0);
		if (i > 0)
			say(PARAMS, 9, STR("\6\1HTTP_Ay"), 0);
		if (i > 1)
			say(PARAMS, 9, STR(""), 0);
		say(ABORT, 9, STR(""), 0);
		ck_assert_int_eq(hear(&id), END);
		ck_assert_int_eq(out[4], 0); /* FCGI_REQUEST_COMPLETE */
		ask_again("x");
	}
	server_lives();
}
END_TEST

/* One write, many requests: each has its answer, in turn. */
START_TEST(requests_that_come_together_are_served_in_turn)
{
	static struct wire all;

	connect_to_server();
	all.n = 0;
	for (int i = 0; i < 50; i++) {
		const char *pair = arena_fmt(a, "HTTP_A=%d", i).p;

		wire_request(&w, i < 49, PARAMS_OF(pair), STR("body"));
		wire_raw(&all, w.p, w.n);
	}
	wire_send(fd, all.p, all.n);
	for (int i = 0; i < 50; i++) {
		wire_answer(fd, out, &ended);
		ck_assert(ended);
		ck_assert_ptr_nonnull(strstr(out, arena_fmt(a, "a=%d body=body",
		    i).p));
	}
	ck_assert(wire_closed(fd));
	server_lives();
}
END_TEST

/* Answers wait for the peer, and requests behind them for the answers. */
START_TEST(who_asks_on_and_reads_late_gets_all)
{
	connect_to_server();
	for (int i = 0; i < 20; i++) {
		wire_request(&w, 1, PARAMS_OF("PATH_INFO=/big"), STR(""));
		wire_send(fd, w.p, w.n);
	}
	for (int i = 0; i < 20; i++) {
		ck_assert_uint_gt(wire_answer(fd, out, &ended), 600000);
		ck_assert(ended);
	}
	ask_again("x");
	server_lives();
}
END_TEST

/* The rest of a body that was refused is nobody's; the next request counts. */
START_TEST(a_refused_body_leaves_the_connection)
{
	static char piece[60000];

	connect_to_server();
	for (int i = 0; i < 3; i++) {
		wire_begin(&w, 1, 1);
		wire_params(&w, PARAMS_OF("CONTENT_LENGTH=240000"));
		wire_send(fd, w.p, w.n);
		wire_answer(fd, out, &ended);
		ck_assert(ended && strstr(out, "PAYLOAD_TOO_LARGE"));
		for (int k = 0; k < 4; k++)
			say(IN, 1, (struct str){ piece, sizeof(piece) }, 0);
		say(IN, 1, STR(""), 0);
		ask_again("x");
	}
	server_lives();
}
END_TEST

/* HB3: parameters without an end are answered, not kept. */
START_TEST(parameters_without_an_end_are_refused)
{
	static char piece[60000];

	connect_to_server();
	say(BEGIN, 1, keep, 0);
	for (int i = 0; i < 20; i++)
		say(PARAMS, 1, (struct str){ piece, sizeof(piece) }, 0);
	wire_answer(fd, out, &ended);
	ck_assert(ended && strstr(out, "Status: 431 "));
	ask_again("x");
	server_lives();
}
END_TEST

/* HB3: an inner NUL would hide the rest of a value from a C string. */
START_TEST(a_nul_in_a_parameter_is_refused)
{
	connect_to_server();
	say(BEGIN, 1, keep, 0);
	say(PARAMS, 1, STR("\6\3HTTP_Aa\0b"), 0);
	say(PARAMS, 1, STR(""), 0);
	say(IN, 1, STR(""), 0);
	wire_answer(fd, out, &ended);
	ck_assert(ended && strstr(out, "Status: 400 "));
	server_lives();
}
END_TEST

/* What was sent before the worker left is served, and nothing is cut. */
START_TEST(a_kept_connection_is_closed_at_the_end)
{
	connect_to_server();
	ask_again("x");
	kill(server, SIGTERM);
	ck_assert(wire_closed(fd));
	server_lives();
}
END_TEST

static void
begin_own(void)
{
	unit_begin();
	libfcgi = false;
}

static void __attribute__((unused))
begin_libfcgi(void)
{
	unit_begin();
	libfcgi = true;
}

#define ALL(...) (const TTest *const[]){ __VA_ARGS__, NULL }

static void
add_tests(Suite *s, const char *name, SFun begin, const TTest *const *both,
    const TTest *const *alone)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, begin, unit_end);
	tcase_set_timeout(t, 60);
	for (; *both; both++)
		tcase_add_test(t, *both);
	for (; *alone; alone++)
		tcase_add_test(t, *alone);
	suite_add_tcase(s, t);
}

int
main(void)
{
	Suite *s = suite_create("http/transport/transport");
	const TTest *const *both = ALL(a_request_is_parsed_and_answered,
	    head_gets_no_body, content_length_must_be_true,
	    two_lengths_are_refused, a_body_of_unknown_length_has_a_limit,
	    parameters_have_limits, records_split_anywhere_are_one_request,
	    a_signal_does_not_cut_a_body_short,
	    a_peer_that_goes_away_is_an_error, a_stalled_body_times_out,
	    an_early_answer_ends_before_the_body_does,
	    a_peer_that_says_one_byte_is_dropped,
	    an_abort_ends_the_request_only, garbage_closes_the_connection,
	    huge_parameter_lengths_do_no_harm,
	    a_kept_connection_serves_request_after_request,
	    a_large_unread_body_does_not_break_the_connection,
	    a_large_answer_arrives_whole,
	    a_body_made_on_the_way_arrives_piece_by_piece,
	    a_body_that_fails_on_the_way_is_cut_off,
	    a_handler_without_an_answer_is_our_fault,
	    an_authorizer_is_refused_without_its_body,
	    slow_requests_keep_nobody, answers_that_nobody_reads_keep_nobody,
	    a_body_of_many_small_pieces_is_one_body,
	    a_refused_body_is_read_to_its_end);

	add_tests(s, "own", begin_own, both,
	    ALL(padding_is_taken_on_every_record, get_values_is_answered,
		get_values_has_a_bound, an_unknown_type_is_told,
		a_second_request_at_once_is_told_so, an_unknown_role_is_told,
		an_aborted_request_leaves_the_connection,
		requests_that_come_together_are_served_in_turn,
		who_asks_on_and_reads_late_gets_all,
		a_refused_body_leaves_the_connection,
		parameters_without_an_end_are_refused,
		a_nul_in_a_parameter_is_refused,
		a_kept_connection_is_closed_at_the_end,
		the_peek_finds_the_target_in_any_shape,
		the_peek_waits_for_no_body_that_is_refused,
		the_peek_takes_records_of_one_request_only,
		the_peek_refuses_pairs_that_do_not_fit,
		the_peek_survives_every_cut_and_every_byte));
#ifdef HAVE_LIBFCGI
	add_tests(s, "libfcgi", begin_libfcgi, both,
	    ALL(get_values_closes_the_connection));
#endif
	return unit_run_suite(s);
}
