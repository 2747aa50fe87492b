#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <config.h>

#include "base/config.h"
#include "base/limits.h"
#include "base/log.h"
#include "crypto/keyring.h"
#include "queue/worker.h"
#include "store/db.h"

#define EXIT_USAGE 64  /* EX_USAGE */
#define EXIT_CONFIG 78 /* EX_CONFIG: the manager need not try again */

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
	    "ends.\n", out);
}

/* -1: go on; else the exit status. */
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
			return EXIT_USAGE;
		}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

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

static int
refuse(const char *why)
{
	fprintf(stderr, "postern-worker: %s\n", why);
	return EXIT_CONFIG;
}

static int
run(struct arena *a, int argc, char **argv)
{
	const char *why = "not configured";
	const struct config *c = config_load(a, argc, argv, &why);
	struct keyring *k;
	struct db *db;
	bool once = false;
	int status;

	argc = config_args(argc, argv);
	if ((status = options(argc, argv, &once)) >= 0)
		return status;
	if (c == NULL || !open_log(c, &why) ||
	    (k = keyring_new(c, &why)) == NULL)
		return refuse(why);
	db = worker_db(a, c);
	status = worker_run(c, k, db, once);
	db_close(&db);
	keyring_free(&k);
	return status;
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new(LIMIT_ARENA);
	int status;

	config_use_conninfo(db_conninfo_fault);
	status = run(a, argc, argv);
	arena_free(&a);
	return status;
}
