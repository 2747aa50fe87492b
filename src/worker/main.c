#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <config.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/place.h"
#include "config/config.h"
#include "crypto/keyring.h"
#include "runtime/environ.h"
#include "runtime/sandbox.h"
#include "store/pg/db.h"
#include "worker/asker.h"
#include "worker/loop.h"
#include "worker/loop_db.h"
#include "worker/media/media_nursery.h"


static void
usage(FILE *out)
{
	fputs("Usage: postern-worker [--config FILE] [--set KEY=VALUE]... "
	    "[--once]\n"
	    "Sends mail, SMS, webhooks and events and deletes what is over.\n\n"
	    "  --config FILE    settings (default: POSTERN_CONFIG, then "
	    SYSCONFDIR "/postern/postern.yaml)\n"
	    "  --set KEY=VALUE  one setting, over file and environment\n"
	    "  --once           work off what is due and end, for cron\n"
	    "  --version, --help\n\n"
	    "SIGTERM: the mail under way has 10 seconds, then the worker "
	    "ends.\n"
	    "SIGHUP: settings, templates and log.file are opened anew.\n",
	    out);
}

/* Returns -1 to go on, else the exit status. */
static int
options(int argc, char **argv, bool *once)
{
	static const struct option known[] = {
		{ "once", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (c) {
		case 'o':
			*once = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'v':
			puts("postern-worker " PACKAGE_VERSION);
			return 0;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	if (optind < argc) {
		usage(stderr);
		return EX_USAGE;
	}
	return -1;
}

/* Copy argv, because getopt and config_args reorder it. */
static char **
copy(int argc, char **argv)
{
	char **words = memory_new("arguments", (size_t)argc + 1,
	    sizeof(*words));

	memcpy(words, argv, sizeof(*words) * (size_t)argc);
	return words;
}

/* One reading of the settings, and what is made of them. */
struct settings {
	struct arena *arena;
	const struct config *config;
	struct keyring *keys;
};

struct program {
	int argc;
	char **argv; /* as it was started */
	struct settings now, next;
};

static bool
open_log(const struct config *c, const char **why)
{
	enum log_level level = LOG_INFO_;

	log_level_parse(str_of(c->log_level), &level);
	*why = "log.file cannot be opened";
	if (!log_open("postern-worker", c->log_file, level))
		return false;
	config_log_warnings(c);
	return true;
}

static void
settings_free(struct settings *s)
{
	keyring_free(&s->keys);
	if (s->arena)
		arena_free(&s->arena);
	*s = (struct settings){ 0 };
}

/* Opens the log last: if anything is refused, the old log goes on. */
static bool
settings_read(struct program *p, struct settings *s, const char **why)
{
	*s = (struct settings){ .arena = arena_new(LIMIT_ARENA) };
	s->config = config_load(s->arena, p->argc, p->argv, why);
	return s->config && loop_check(s->arena, s->config, why) &&
	    (s->keys = keyring_new(s->config, why)) != NULL &&
	    open_log(s->config, why);
}

static bool
settings_good(void *arg)
{
	struct program *p = arg;
	const char *why = "";
	bool good;

	asker_ask();
	environ_restore();
	good = settings_read(p, &p->next, &why);
	asker_wipe();
	if (good)
		return true;
	log_fatal("reload refused; the worker goes on with the old settings",
	    log_c("why", why));
	settings_free(&p->next);
	return false;
}

/* In a child of the asker: what counts is the manager's answer. */
static void
settings_ask(void *arg)
{
	struct program *p = arg;
	const char *why = "";

	environ_restore();
	if (config_load(arena_new(LIMIT_ARENA), p->argc, p->argv, &why) == NULL)
		log_fatal("settings refused", log_c("why", why));
}

/* Behind the filter no program can be run to ask a manager. */
static void
confine(struct program *p)
{
	if (config_has_manager(p->now.config))
		asker_start(settings_ask, p);
	config_no_manager();
	if (p->now.config->seccomp)
		sandbox_enter(SANDBOX_QUEUE);
}

static enum loop_end
work_until_stopped(struct program *p, bool once)
{
	const struct loop_reload r = { settings_good, p };
	struct db *db = loop_db(p->now.arena, p->now.config);
	enum loop_end end = loop_run(p->now.config, p->now.keys, db,
	    once ? NULL : &r);

	db_close(&db);
	if (end == LOOP_RELOADED) {
		settings_free(&p->now);
		p->now = p->next;
		p->next = (struct settings){ 0 };
	}
	return end;
}

static int
refuse_start(const char *why)
{
	fprintf(stderr, "postern-worker: %s\n", why);
	return config_may_pass() ? EX_TEMPFAIL : EX_CONFIG;
}

static int
run_program(struct program *p)
{
	const char *why = "not configured";
	bool good = settings_read(p, &p->now, &why), once = false;
	char **argv = copy(p->argc, p->argv);
	int status = options(config_args(p->argc, argv), argv, &once);
	enum loop_end end;

	free(argv);
	if (status >= 0)
		return status;
	if (!good)
		return refuse_start(why);
	confine(p);
	while ((end = work_until_stopped(p, once)) == LOOP_RELOADED)
		continue;
	return end == LOOP_FAILED ? EX_SOFTWARE : 0;
}

int
main(int argc, char **argv)
{
	struct program p = { .argc = argc, .argv = argv };
	int status;

	sandbox_private();
	/* Before anything of the settings is in memory. */
	if (!media_nursery_start(argc, argv))
		return EX_SOFTWARE;
	environ_keep();
	config_use_conninfo(db_conninfo_fault);
	status = run_program(&p);
	settings_free(&p.now);
	environ_forget();
	return status;
}
