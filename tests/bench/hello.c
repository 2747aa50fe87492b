/*
 * The transport, workers, lanes and master with a constant answer instead of
 * a service: for the bench and for tests of the master. Started like postern:
 *   hello LIGHT HEAVY [MAX_REQUESTS]   socket on descriptor 0
 *   hello --check ...                  fails when the file $HELLO_BAD exists
 *   hello single                       one process
 * With FCGI_TRANSPORT=libfcgi in the environment by libfcgi, else by our own.
 * /slow waits until the file named by the query exists; /hash takes the heavy
 * lane; /pid tells the worker; /echo returns the body; /die kills the worker.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "http/transport/transport_cgi.h"
#include "web/listen.h"
#include "web/master.h"
#include "web/reload.h"

static const struct header json = { "Content-Type",
	{ "application/json", 16 } };

static bool
heavy(void *obj, struct arena *a, const struct fcgi_peek *seen)
{
	(void)obj;
	(void)a;
	return str_starts(seen->uri, STR("/hash"));
}

static void
wait_for_file(struct str path)
{
	char name[512];

	snprintf(name, sizeof(name), "%.*s", STR_FMT(path));
	for (int i = 0; i < 3000 && access(name, F_OK) < 0; i++)
		poll(NULL, 0, 10);
}

static void
echo(struct exchange *x)
{
	struct str body;
	enum err e = transport_body(x, 1 << 20, &body);

	transport_answer(x, err_status(e), &json, 1,
	    e == E_OK ? body : str_of(err_code(e)));
}

static void
serve(void *obj, struct exchange *x)
{
	struct str uri = transport_param(x, STR("REQUEST_URI"));

	(void)obj;
	if (x->err != E_OK || x->lane_full) {
		transport_answer(x, x->lane_full ? 503 : err_status(x->err),
		    &json, 1, STR("{}"));
		return;
	}
	if (str_starts(uri, STR("/echo"))) {
		echo(x);
		return;
	}
	if (str_starts(uri, STR("/die")))
		raise(SIGKILL);
	if (str_starts(uri, STR("/slow")) || str_starts(uri, STR("/hash")))
		wait_for_file(str_slice(uri, str_find(uri, '?') + 1, uri.n));
	if (str_starts(uri, STR("/pid")) || str_starts(uri, STR("/hash"))) {
		transport_answer(x, 200, &json, 1,
		    arena_fmt(x->arena, "%d\n", (int)getpid()));
		return;
	}
	transport_answer(x, 200, &json, 1, STR("{\"hello\":\"you\"}\n"));
}

static int
number(int argc, char **argv, int i, int otherwise)
{
	long long n;

	if (i < argc && str_to_int(str_of(argv[i]), 0, 1000000, &n))
		return (int)n;
	return otherwise;
}

static int
check(void)
{
	const char *bad = getenv("HELLO_BAD");

	return bad && access(bad, F_OK) == 0;
}

int
main(int argc, char **argv)
{
	static pid_t old[MASTER_WORKERS];
	struct arena *arena; /* of the one request of CGI */
	const struct worker_hooks hooks = { .serve = serve, .heavy = heavy };
	struct master_options m = { .light = number(argc, argv, 1, 2),
		.heavy = number(argc, argv, 2, 2), .old = old };
	const char *why, *transport = getenv("FCGI_TRANSPORT");
	int fd = -1;

	reload_remember(argc, argv);
	if (argc > 1 && str_eq(str_of(argv[1]), STR("--check")))
		return check();
	if (!reload_adopt(&fd, old, MASTER_WORKERS, &m.nold) &&
	    listen_detect(&fd) == RUN_CGI) {
		arena = arena_new(1 << 20);
		transport_cgi_serve(arena, environ, serve, NULL);
		arena_free(&arena);
		return 0;
	}
	if (fd < 0 || !listen_prepare(fd, &why))
		return 64;
	m.worker = (struct worker_options){ .kind = WORKER_SINGLE,
		.listen_fd = fd, .ready_fd = -1, .hooks = &hooks,
		.libfcgi = str_eq(str_of(transport), STR("libfcgi")),
		.max_requests = number(argc, argv, 3, 0) };
	if (argc > 1 && str_eq(str_of(argv[1]), STR("single")))
		return worker_run(&m.worker);
	return master_run(&m);
}
