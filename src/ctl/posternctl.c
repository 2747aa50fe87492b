/* posternctl: what an operator does to a Postern. See ctl/ctl.h. */
#include <config.h>

#include "ctl/ctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/place.h"
#include "ctl/ctl_options.h"
#include "runtime/sandbox.h"

#define ARENA_CAP ((size_t)256 << 20) /* one run, not one request */

static const struct ctl_command *const groups[] = {
	ctl_audit, ctl_checks, ctl_doctor, ctl_users, ctl_imports, ctl_kafka,
	ctl_keys, ctl_mail, ctl_queue,
	ctl_routes, ctl_templates, ctl_webhooks, ctl_dev,
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static const char common[] =
    "  --config FILE        read this file instead of " SYSCONFDIR
    "/postern/postern.yaml\n"
    "  --set KEY=VALUE      one setting; no secrets\n"
    "  --json               answer in JSON\n"
    "  --help               about a command: posternctl COMMAND --help\n";

static const char exits[] =
    "exit codes:\n"
    "  0 done   1 failed   2 wrong usage   3 not found   4 conflict\n"
    "  5 the database or another service is not available\n";

/* Does the command begin with these words? n receives how many it has. */
static bool
has_words(const struct ctl_command *k, char **argv, int argc, int *n)
{
	struct str rest = str_of(k->words), word;

	for (*n = 0; str_split(&rest, ' ', &word); (*n)++)
		if (*n >= argc || !str_eq(word, str_of(argv[*n])))
			return false;
	return true;
}

static const struct ctl_command *
find_command(char **argv, int argc, int *n)
{
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct ctl_command *k = groups[g]; k->words; k++)
			if (has_words(k, argv, argc, n))
				return k;
	return NULL;
}

/* All commands, or those of one group ("user"). False: there is none. */
static bool
help(FILE *out, const char *group)
{
	bool any = false;

	fprintf(out, "usage: posternctl [OPTIONS] COMMAND [ARGUMENTS]\n\n");
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct ctl_command *k = groups[g]; k->words; k++) {
			size_t n = group ? strlen(group) : 0;

			if (group && (strncmp(k->words, group, n) != 0 ||
			    (k->words[n] != ' ' && k->words[n] != '\0')))
				continue;
			fprintf(out, "  %-20s %s\n", k->words, k->doc);
			any = true;
		}
	fprintf(out, "\noptions:\n%s  --version\n\n%s", common, exits);
	return any;
}

static int
help_command(const struct ctl_command *k)
{
	printf("usage: posternctl %s%s%s%s\n\n%s\n", k->words,
	    k->options ? " [OPTIONS]" : "", k->args[0] ? " " : "", k->args,
	    k->doc);
	if (k->options)
		printf("\n");
	for (const struct ctl_option *o = k->options; o && o->name; o++) {
		char name[40];

		snprintf(name, sizeof(name), "--%s%s", o->name,
		    o->kind == CTL_FLAG ? "" : o->kind == CTL_NUMBER ? " N" :
		    " TEXT");
		printf("  %-20s %s\n", name, o->doc);
	}
	printf("\noptions of all commands:\n%s\n%s", common, exits);
	return CTL_OK;
}

void
ctl_open(struct ctl *c)
{
	const struct config *k = c->config;
	struct db_options db = db_options_of(c->arena, k);

	/* An operator waits longer than a request, and asks each thing once. */
	db.statement_timeout = 30 * CLOCK_SECOND;
	db.prepare = false;
	c->db = db_new(&db);
	c->shared = shared_join(k->runtime_dir);
	c->cache = cache_of(k, c->keys, &c->shared->redis_told);
}

/*
 * A lock file that an administrator created in the service's directory belongs
 * to the service, which must be able to open it when it starts.
 */
static void
give_back(const struct config *k)
{
	int dir = k ? open(k->runtime_dir, O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (dir < 0)
		return;
	if (geteuid() == 0 && fstat(dir, &st) == 0 && st.st_uid != 0)
		(void)!fchownat(dir, "hash.lock", st.st_uid, st.st_gid,
		    AT_SYMLINK_NOFOLLOW);
	close(dir);
}

static int
prepare(struct ctl *c, enum ctl_need needs)
{
	const char *why = NULL;

	if (needs >= CTL_NEEDS_CONFIG && c->config == NULL) {
		for (size_t i = 0; i < c->nfaults && i < 64; i++)
			fprintf(stderr, "posternctl: %s\n", c->faults[i]);
		return CTL_FAILED;
	}
	if (needs >= CTL_NEEDS_KEYS &&
	    (c->keys = keyring_new(c->config, &why)) == NULL)
		return ctl_fail(E_INTERNAL, "%s", why);
	if (needs >= CTL_NEEDS_DB)
		ctl_open(c);
	return CTL_OK;
}

static int
run_command(struct ctl *c, int argc, char **argv)
{
	const struct ctl_command *k;
	enum ctl_asked asked;
	int n, status;

	k = find_command(argv + 1, argc - 1, &n);
	if (k == NULL) {
		asked = ctl_options_common(c, argc, argv);
		if (asked == CTL_ASKED_VERSION)
			return printf("posternctl %s\n", VERSION) < 0;
		if (asked == CTL_ASKED_HELP && help(stdout, c->nargs ?
		    c->args[0] : NULL))
			return CTL_OK;
		help(stderr, NULL);
		return CTL_USAGE;
	}
	asked = ctl_options_read(c, k, argc - n, argv + n);
	if (asked == CTL_ASKED_HELP)
		return help_command(k);
	if (asked != CTL_ASKED_NOTHING) {
		fprintf(stderr, "usage: posternctl %s%s%s; see --help\n",
		    k->words, k->args[0] ? " " : "", k->args);
		return CTL_USAGE;
	}
	status = prepare(c, k->needs);
	return status == CTL_OK ? k->run(c) : status;
}

/* The first words name the command, so --json before them moves behind. */
static void
command_first(int argc, char **argv)
{
	while (argc > 2 && strcmp(argv[1], "--json") == 0 &&
	    strcmp(argv[2], "--json") != 0) {
		char *json = argv[1];

		memmove(&argv[1], &argv[2], sizeof(*argv) * (size_t)(argc - 2));
		argv[argc - 1] = json;
	}
}

int
main(int argc, char **argv)
{
	struct ctl c = { 0 };
	int status;

	sandbox_private();
	c.arena = arena_new(ARENA_CAP);
	if (sodium_init() < 0)
		return CTL_FAILED;
	json_use(c.arena);
	log_open("posternctl", NULL, LOG_WARN_);
	config_use_conninfo(db_conninfo_fault);
	c.nfaults = config_check(c.arena, argc, argv, &c.config, c.faults, 64);
	argc = config_args(argc, argv);
	command_first(argc, argv);
	status = run_command(&c, argc, argv);
	give_back(c.config);
	db_close(&c.db);
	cache_close(&c.cache);
	keyring_free(&c.keys);
	arena_free(&c.arena);
	if (fflush(stdout) != 0 || ferror(stdout))
		return CTL_FAILED;
	return status;
}
