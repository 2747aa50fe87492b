/* postern-grpc: the user service by gRPC, beside HTTP. */
#include <config.h>

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/place.h"
#include "grpc/grpc_call.h"
#include "grpc/h2/h2_loop.h"
#include "grpc/service/service.h"
#include "runtime/notify.h"
#include "runtime/sandbox.h"
#include "web/crew.h"
#include "web/listen.h"
#include "web/master.h"
#include "web/reload.h"
#include "web/start.h"

#define MOST_RSS ((size_t)512 << 20)
#define CORES 2 /* more workers only where they are asked for */

static const char usage[] =
    "usage: postern-grpc [--config FILE] [--set KEY=VALUE]...\n"
    "       postern-grpc --check | --version | --help\n"
    "\n"
    "Serves gRPC on grpc.listen and grpc.port, or on the listening socket it\n"
    "inherits (descriptor 0, or systemd's). Ends at once, with 0, while\n"
    "grpc.enabled is false.\n"
    "\n"
    "  --config FILE    read this file instead of " SYSCONFDIR
    "/postern/postern.yaml\n"
    "  --set KEY=VALUE  one setting, wins over file and environment\n"
    "  --check          read the configuration and say whether it is good\n";

struct options {
	struct start_words settings;
	bool reloaded;
	enum { DO_SERVE, DO_CHECK, DO_VERSION, DO_HELP, DO_USAGE } what;
};

struct program {
	struct arena *arena; /* of the configuration */
	const struct config *config;
	struct h2_tls_server *tls;
	struct grpc_server server;
};

static void
read_options(struct options *o, int argc, char **argv)
{
	enum { CONFIG = 256, SET, WHAT };
	static const struct option table[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "set", required_argument, NULL, SET },
		{ "check", no_argument, NULL, WHAT + DO_CHECK },
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
		else
			o->what = c > WHAT ? c - WHAT : DO_USAGE;
	}
	if (optind < argc)
		o->what = DO_USAGE;
}

/* Load the certificate before the fork: workers read no key. */
static bool
open_tls(struct program *p)
{
	const struct config *c = p->config;
	const char *why = "";

	if (c->grpc_cert[0] == '\0')
		return true;
	p->tls = h2_tls_server_new(c->grpc_cert, c->grpc_key,
	    c->grpc_client_ca, &why);
	if (p->tls == NULL)
		log_fatal("configuration refused", log_c("why", why));
	return p->tls != NULL;
}

static bool
open_program(struct program *p, const struct options *o)
{
	p->arena = arena_new(LIMIT_ARENA);
	p->config = start_settings(p->arena, "postern-grpc", &o->settings);
	if (p->config == NULL)
		return false;
	config_log_warnings(p->config);
	return !p->config->grpc_enabled || open_tls(p);
}

static void
on_start(void *obj)
{
	struct program *p = obj;

	prctl(PR_SET_NAME, "postern-grpc");
	p->server.arena = arena_new(LIMIT_ARENA);
	app_start_worker(&p->server.app);
	start_confine(p->config, SANDBOX_WEB);
}

static void
on_idle(void *obj)
{
	app_idle(&((struct program *)obj)->server.app);
}

static void
on_stop(void *obj)
{
	app_stop(&((struct program *)obj)->server.app);
}

static void
on_loop(void *obj, struct worker_shift *s)
{
	struct program *p = obj;

	h2_loop_run(s, &p->server.h2, p->tls,
	    (size_t)p->config->grpc_connections);
}

/* No more than there are connections to Postgres for. */
static int
workers_of(const struct config *c)
{
	int cores = crew_cores();
	long n = c->grpc_workers;

	if (n == 0)
		n = cores < CORES ? cores : CORES;
	return (int)(n < c->db_max_connections ? n : c->db_max_connections);
}

static int
serve(struct program *p, int fd, const struct options *o, const pid_t *old,
    size_t nold)
{
	const struct worker_hooks hooks = { .obj = p, .start = on_start,
		.idle = on_idle, .stop = on_stop, .loop = on_loop };
	const struct master_options m = {
		.light = workers_of(p->config),
		.worker = { .kind = WORKER_SINGLE, .listen_fd = fd,
		    .max_rss = MOST_RSS, .ready_fd = -1,
		    .requests = &p->server.app.shared->requests,
		    .hooks = &hooks },
		.old = old, .nold = nold,
	};

	if (!o->reloaded) /* else the old program's filter holds */
		start_confine(p->config, SANDBOX_MASTER);
	return master_run(&m);
}

static int
make_socket(const struct program *p)
{
	const struct config *c = p->config;
	bool v6 = strchr(c->grpc_listen, ':') != NULL;
	struct str where = arena_fmt(p->arena, v6 ? "[%s]:%ld" : "%s:%ld",
	    c->grpc_listen, c->grpc_port);
	const char *why = "";
	int fd = listen_make(where.p, &why);

	if (fd < 0)
		log_fatal("cannot listen", log_s("where", where),
		    log_c("why", why));
	return fd;
}

static bool
open_server(struct program *p)
{
	const struct config *c = p->config;
	const char *why = "";
	const char *when = c->grpc_reflection;

	if (!app_init(&p->server.app, c, &why)) {
		log_fatal("cannot start", log_c("why", why));
		return false;
	}
	p->server.find = service_find;
	p->server.usual_time = c->grpc_deadline;
	service_reflect(strcmp(when, "on") == 0 ||
	    strcmp(when, c->environment) == 0);
	grpc_call_server(&p->server);
	return true;
}

static int
run(const struct options *o, int fd, const pid_t *old, size_t nold)
{
	static struct program p; /* lives as long as the process */

	if (!open_program(&p, o))
		return start_refused();
	if (o->what == DO_CHECK)
		return 0;
	reload_drop_answer();
	if (!p.config->grpc_enabled) {
		log_info("grpc.enabled is false: there is nothing to serve");
		notify_ready(); /* so that it is no fault to systemd */
		return 0;
	}
	if (fd < 0 && (fd = make_socket(&p)) < 0)
		return EX_CONFIG;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
	    !open_server(&p))
		return EX_CONFIG;
	return serve(&p, fd, o, old, nold);
}

int
main(int argc, char **argv)
{
	static pid_t old[MASTER_WORKERS];
	static struct options o;
	size_t nold = 0;
	int fd = -1;

	sandbox_private();
	reload_remember(argc, argv);
	reload_use_answer();
	o.reloaded = reload_adopt(&fd, old, MASTER_WORKERS, &nold);
	if (!o.reloaded)
		(void)listen_detect(&fd);
	if (sodium_init() < 0)
		return EX_SOFTWARE;
	o.settings = start_words_of(argc);
	read_options(&o, argc, argv);
	switch (o.what) {
	case DO_HELP:
		fputs(usage, stdout);
		return 0;
	case DO_VERSION:
		puts(PACKAGE_STRING);
		return 0;
	case DO_USAGE:
		fputs(usage, stderr);
		return EX_USAGE;
	default:
		return run(&o, fd, old, nold);
	}
}
