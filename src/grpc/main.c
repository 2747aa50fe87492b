/* postern-grpc: the user service by gRPC, beside HTTP. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/place.h"
#include "grpc/grpc_call.h"
#include "grpc/h2/h2_loop.h"
#include "grpc/service/service.h"
#include "runtime/notify.h"
#include "runtime/sandbox.h"
#include "store/pg/db.h"
#include "web/crew.h"
#include "web/listen.h"
#include "web/master.h"
#include "web/reload.h"

#define EXIT_USAGE 64
#define EXIT_CONFIG 78 /* EX_CONFIG */
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
	char **settings; /* pairs for config_load */
	int nsettings;
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
add_setting(struct options *o, const char *option, const char *value)
{
	o->settings[o->nsettings++] = (char *)(uintptr_t)option;
	o->settings[o->nsettings++] = (char *)(uintptr_t)value;
}

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
			add_setting(o, "--config", optarg);
		else if (c == SET)
			add_setting(o, "--set", optarg);
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
	enum log_level level = LOG_INFO_;
	const char *why = "";

	p->arena = arena_new(LIMIT_ARENA);
	config_use_conninfo(db_conninfo_fault);
	p->config = config_load(p->arena, o->nsettings, o->settings, &why);
	if (p->config == NULL) {
		log_fatal("configuration refused", log_c("why", why));
		return false;
	}
	log_level_parse(str_of(p->config->log_level), &level);
	if (!log_open("postern-grpc", p->config->log_file, level)) {
		log_fatal("log.file cannot be opened",
		    log_c("path", p->config->log_file),
		    log_c("error", strerror(errno)));
		return false;
	}
	config_log_warnings(p->config);
	return !p->config->grpc_enabled || open_tls(p);
}

static void
confine(const struct program *p, enum sandbox which)
{
	if (p->config->seccomp)
		sandbox_enter(which);
}

static void
on_start(void *obj)
{
	struct program *p = obj;

	prctl(PR_SET_NAME, "postern-grpc");
	p->server.arena = arena_new(LIMIT_ARENA);
	app_start_worker(&p->server.app);
	confine(p, SANDBOX_WEB);
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
		confine(p, SANDBOX_MASTER);
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
		return EXIT_CONFIG;
	if (o->what == DO_CHECK)
		return 0;
	if (!p.config->grpc_enabled) {
		log_info("grpc.enabled is false: there is nothing to serve");
		notify_ready(); /* so that it is no fault to systemd */
		return 0;
	}
	if (fd < 0 && (fd = make_socket(&p)) < 0)
		return EXIT_CONFIG;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
	    !open_server(&p))
		return EXIT_CONFIG;
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
	o.reloaded = reload_adopt(&fd, old, MASTER_WORKERS, &nold);
	if (!o.reloaded)
		(void)listen_detect(&fd);
	if (sodium_init() < 0)
		return 70; /* EX_SOFTWARE */
	o.settings = memory_new("arguments", (size_t)argc * 2 + 2,
	    sizeof(*o.settings));
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
		return EXIT_USAGE;
	default:
		return run(&o, fd, old, nold);
	}
}
