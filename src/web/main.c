/* postern: the web process. web/listen.h finds out how it was started. */
#include <config.h>

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/place.h"
#include "crypto/password/hash_gate.h"
#include "http/request_make.h"
#include "http/transport/transport_cgi.h"
#include "runtime/sandbox.h"
#include "web/app.h"
#include "web/crew.h"
#include "web/dispatch.h"
#include "web/keeper.h"
#include "web/listen.h"
#include "web/master.h"
#include "web/reload.h"
#include "web/route.h"
#include "web/start.h"

#define RSS_BASE ((size_t)256 << 20)

static const char usage[] =
    "usage: postern [--config FILE] [--set KEY=VALUE]... [--listen WHERE]\n"
    "               [--workers N] [--single]\n"
    "       postern --check | --print-config | --version | --help\n"
    "\n"
    "Serves FastCGI on the listening socket it inherits (descriptor 0, or\n"
    "systemd's), or on --listen PATH or HOST:PORT; one request of plain CGI\n"
    "where GATEWAY_INTERFACE is set.\n"
    "\n"
    "  --config FILE    read this file instead of " SYSCONFDIR
    "/postern/postern.yaml\n"
    "  --set KEY=VALUE  one setting, wins over file and environment\n"
    "  --listen WHERE   make the socket; TCP needs FCGI_WEB_SERVER_ADDRS\n"
    "  --workers N      the same as --set service.workers=N\n"
    "  --single         one process, no master: below mod_fcgid and\n"
    "                   lighttpd's bin-path (also POSTERN_SINGLE=1)\n"
    "  --check          read the configuration and say whether it is good\n"
    "  --print-config   print all settings, secrets masked\n";

/* What the command line asks for. */
struct options {
	struct start_words settings;
	const char *listen;
	bool single, reloaded;
	enum { DO_SERVE, DO_CHECK, DO_PRINT, DO_VERSION, DO_HELP, DO_USAGE } what;
};

struct program {
	struct arena *arena; /* of the configuration */
	const struct config *config;
	struct app app;
};

static void
add_workers(struct options *o, const char *n)
{
	char *s;

	if (asprintf(&s, "service.workers=%s", n) < 0)
		memory_exhausted("arguments", strlen(n));
	start_words_add(&o->settings, "--set", s);
}

static void
read_web_options(struct options *o, int argc, char **argv)
{
	enum { CONFIG = 256, SET, LISTEN, WORKERS, SINGLE, WHAT };
	static const struct option table[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "set", required_argument, NULL, SET },
		{ "listen", required_argument, NULL, LISTEN },
		{ "workers", required_argument, NULL, WORKERS },
		{ "single", no_argument, NULL, SINGLE },
		{ "check", no_argument, NULL, WHAT + DO_CHECK },
		{ "print-config", no_argument, NULL, WHAT + DO_PRINT },
		{ "version", no_argument, NULL, WHAT + DO_VERSION },
		{ "help", no_argument, NULL, WHAT + DO_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == CONFIG)
			start_words_add(&o->settings, "--config", optarg);
		else if (c == SET)
			start_words_add(&o->settings, "--set", optarg);
		else if (c == LISTEN)
			o->listen = optarg;
		else if (c == WORKERS)
			add_workers(o, optarg);
		else if (c == SINGLE)
			o->single = true;
		else if (c > WHAT)
			o->what = c - WHAT;
		else
			o->what = DO_USAGE;
	}
	if (optind < argc)
		o->what = DO_USAGE;
}

/* Load the settings and open the log. False: the log says why. */
static bool
open_program(struct program *p, const struct options *o)
{
	p->arena = arena_new(LIMIT_ARENA);
	p->config = start_settings(p->arena, "postern", &o->settings);
	return p->config != NULL;
}

/* The same with warnings, which a request of plain CGI does not repeat. */
static bool
start_program(struct program *p, const struct options *o)
{
	if (!open_program(p, o))
		return false;
	config_log_warnings(p->config);
	return true;
}

static bool
open_app(struct program *p)
{
	const char *why = "";

	if (app_init(&p->app, p->config, &why))
		return true;
	log_fatal("cannot start", log_c("why", why));
	return false;
}

static void
on_start(void *obj)
{
	struct program *p = obj;

	app_start_worker(&p->app);
	hash_gate_own(); /* the one file a worker opens for writing */
	start_confine(p->config, SANDBOX_WEB);
}

static void
serve_exchange(void *obj, struct exchange *x)
{
	dispatch(&((struct program *)obj)->app, x);
}

/* The target of a request that nobody has parsed yet. */
static bool
look_at_target(const struct program *p, const struct fcgi_peek *seen,
    struct request *r)
{
	struct param *params = arena_array(r->arena, 4, sizeof(*params));

	params[0] = (struct param){ STR("REQUEST_METHOD"), seen->method };
	params[1] = (struct param){ STR("REQUEST_URI"), seen->uri };
	params[2] = (struct param){ STR("SCRIPT_NAME"), seen->script };
	params[3] = (struct param){ STR("HTTP_X_HTTP_METHOD_OVERRIDE"),
		seen->override };
	r->params = params;
	r->nparams = seen->override.p ? 4 : 3;
	/* Most requests are spared the rest: a GET hashes nothing. */
	if (seen->override.p == NULL && !route_may_hash(seen->method))
		return false;
	return request_target(r, p->config->base_path) == E_OK;
}

static bool
on_look(void *obj, struct arena *a, const struct fcgi_peek *seen)
{
	struct request r = { .arena = a };

	return look_at_target(obj, seen, &r) && route_lane(&r) == LANE_HEAVY;
}

static size_t
on_body(void *obj, struct arena *a, const struct fcgi_peek *seen)
{
	struct request r = { .arena = a };

	return look_at_target(obj, seen, &r) ? route_body(&r) :
	    LIMIT_BODY_JSON;
}

static void
on_idle(void *obj)
{
	app_idle(&((struct program *)obj)->app);
}

static void
on_worker_stop(void *obj)
{
	app_stop(&((struct program *)obj)->app);
}

/* The process that works behind the requests (web/keeper.h). */
static int
be_keeper(void *obj)
{
	struct program *p = obj;
	int status;

	app_start_worker(&p->app);
	start_confine(p->config, SANDBOX_WEB);
	status = keeper_run(&p->app);
	app_stop(&p->app);
	return status;
}

/* It needs a connection of its own to Postgres. */
static bool
room_for_keeper(const struct config *c, const struct crew *k)
{
	return k->light + k->heavy < c->db_max_connections;
}

/* Memory at which a worker is replaced; a hash's memory is not a leak. */
static size_t
rss_bound(const struct config *c)
{
	return RSS_BASE + (size_t)c->argon2_memory * 2048;
}

static int
serve_one(struct program *p, int fd, const struct options *o, const pid_t *old,
    size_t nold)
{
	const struct worker_hooks hooks = { .obj = p, .start = on_start,
		.serve = serve_exchange, .heavy = on_look, .body = on_body,
		.idle = on_idle, .stop = on_worker_stop };
	const char *single = getenv("POSTERN_SINGLE");
	const struct config *c = p->config;
	const struct crew crew = crew_of(c, crew_cores());
	struct master_options m = {
		.light = crew.light,
		.heavy = crew.heavy,
		.worker = { .kind = WORKER_SINGLE, .listen_fd = fd,
		    .libfcgi = strcmp(c->fastcgi, "libfcgi") == 0,
		    .max_requests = c->max_requests,
		    .max_rss = rss_bound(c), .ready_fd = -1,
		    .requests = &p->app.shared->requests,
		    .light_at = &p->app.shared->light_at, .hooks = &hooks },
		.keeper = room_for_keeper(c, &crew) ? be_keeper : NULL,
		.old = old, .nold = nold,
	};

	if (o->single || (single && *single == '1')) {
		reload_forget();
		return worker_run(&m.worker);
	}
	if (!o->reloaded) /* else the old program's filter holds */
		start_confine(p->config, SANDBOX_MASTER);
	return master_run(&m);
}

/* FastCGI, on the inherited socket, the old program's, or --listen's. */
static int
run_socket(const struct options *o, int fd, const pid_t *old, size_t nold)
{
	static struct program p; /* lives as long as the process */
	const char *why = "";

	if (!start_program(&p, o))
		return start_refused();
	reload_drop_answer();
	if (fd < 0 && (fd = listen_make(o->listen, &why)) < 0) {
		log_fatal("cannot listen", log_c("where", o->listen),
		    log_c("why", why));
		return EX_CONFIG;
	}
	if (!listen_prepare(fd, &why)) {
		log_fatal("socket refused", log_c("why", why));
		return EX_CONFIG;
	}
	if (!open_app(&p))
		return EX_CONFIG;
	atomic_store(&p.app.shared->started_wall, clock_wall());
	atomic_store(&p.app.shared->proxy_told, 0);
	/* A path of --listen stays behind; the next start replaces it. */
	return serve_one(&p, fd, o, old, nold);
}

static int
run_cgi(void)
{
	static struct program p;
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct options none = { 0 };
	struct arena *arena;
	static const char failed[] = "Status: 500 Internal Server Error\r\n"
				     "Content-Type: text/plain\r\n\r\n"
				     "The service is not configured.\n";

	/*
	 * A web server that has the answer may end this process at once, but
	 * the use of an API key is written after the answer. Time limits end
	 * the process all the same.
	 */
	sigaction(SIGTERM, &ignore, NULL);
	config_no_manager();
	if (!open_program(&p, &none) || !open_app(&p)) {
		(void)!write(STDOUT_FILENO, failed, sizeof(failed) - 1);
		return EX_CONFIG;
	}
	arena = arena_new(LIMIT_ARENA);
	app_start_worker(&p.app);
	start_confine(p.config, SANDBOX_WEB);
	transport_cgi_serve(arena, environ, serve_exchange, &p);
	app_stop(&p.app);
	arena_free(&arena);
	return 0;
}

static int
run_command(const struct options *o)
{
	static struct program p;

	switch (o->what) {
	case DO_HELP:
		fputs(usage, stdout);
		return 0;
	case DO_VERSION:
		puts(PACKAGE_STRING);
		return 0;
	case DO_CHECK:
		return start_program(&p, o) ? 0 : start_refused();
	case DO_PRINT:
		if (!open_program(&p, o))
			return start_refused();
		config_print(p.config, stdout);
		return 0;
	default:
		fputs(usage, stderr);
		return EX_USAGE;
	}
}

int
main(int argc, char **argv)
{
	static pid_t old[MASTER_WORKERS];
	static struct options o;
	enum run_mode mode;
	size_t nold;
	int fd = -1;

	sandbox_private();
	reload_remember(argc, argv);
	reload_use_answer();
	/* Before any library looks (httpoxy, row HB2). */
	unsetenv("HTTP_PROXY");
	o.reloaded = reload_adopt(&fd, old, MASTER_WORKERS, &nold);
	mode = o.reloaded ? RUN_SOCKET : listen_detect(&fd);
	if (sodium_init() < 0)
		return EX_SOFTWARE;
	/* A query without '=' would arrive as our arguments. */
	if (mode == RUN_CGI)
		return run_cgi();
	o.settings = start_words_of(argc);
	read_web_options(&o, argc, argv);
	if (o.what != DO_SERVE || (mode == RUN_COMMAND && o.listen == NULL))
		return run_command(&o);
	return run_socket(&o, fd, old, nold);
}
