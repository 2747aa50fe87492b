#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/err.h"
#include "base/json/json.h"
#include "config/config.h"
#include "crypto/keyring.h"
#include "runtime/shared.h"
#include "store/pg/db.h"
#include "store/redis/cache.h"

/*
 * posternctl, the operator's tool. A command is a row of its group's table:
 * words, arguments, options, what it needs open, and the function. Help,
 * parsing and exit codes are the same for all.
 */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_FOUND = 3,
	CTL_CONFLICT = 4,
	CTL_UNAVAILABLE = 5
};

/* What main opens before a command runs; each includes those above it. */
enum ctl_need {
	CTL_NEEDS_NOTHING, CTL_NEEDS_CONFIG, CTL_NEEDS_KEYS, CTL_NEEDS_DB
};

struct ctl {
	struct arena *arena;
	const struct config *config; /* NULL: refused, see faults */
	const char *faults[64];
	size_t nfaults;
	struct keyring *keys;
	struct db *db;
	struct cache *cache; /* of CTL_NEEDS_DB; may have no host */
	struct shared *shared;
	bool json;
	char **args; /* what is left after the options */
	int nargs;
};

/* An option of a command: "--name"; out is written when it is there. */
struct ctl_option {
	const char *name;
	enum { CTL_FLAG = 1, CTL_TEXT, CTL_NUMBER, CTL_TEXTS } kind;
	void *out; /* bool, const char *, long, struct ctl_texts */
	const char *doc;
};

/* What an option that may come several times gathered. */
#define CTL_TEXTS_MAX 16
struct ctl_texts {
	const char *text[CTL_TEXTS_MAX];
	size_t n;
};

struct ctl_command {
	const char *words; /* "user create" */
	const char *args;  /* "USER [ROLE...]", "" none */
	int min, max;	   /* arguments; max -1: any number */
	enum ctl_need needs;
	const struct ctl_option *options; /* closed by { 0 }; or NULL */
	int (*run)(struct ctl *c);
	const char *doc;
};

/* The tables, closed by { 0 }. */
extern const struct ctl_command ctl_audit[], ctl_checks[], ctl_users[],
	ctl_imports[], ctl_kafka[], ctl_keys[], ctl_mail[], ctl_queue[], ctl_dev[],
	ctl_doctor[], ctl_routes[],
	ctl_templates[], ctl_webhooks[];

/* Open db, cache and shared of c->config; no connection is made yet. */
void ctl_open(struct ctl *c);

/*
 * Print what failed on standard error and return the exit code of e. The
 * sentence may be NULL: the one of e is printed.
 */
int ctl_fail(enum err e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * ctl_fail of a statement that did not end well, with what keeps the database
 * from serving (that it is a standby, is not there, was not migrated) as the
 * sentence; where there is nothing of these, that of e.
 */
int ctl_fail_db(struct ctl *c, enum err e);

/*
 * The only argument, the id (uuid) of `what` ("a job"), or NULL with --all
 * instead; neither or both is an error that is printed. 0, or an exit code.
 */
int ctl_one_or_all(struct ctl *c, bool all, const char *what,
    const char **which);

/*
 * Is value, of --option, NULL (not given) or one of words (str_holds)? 0, or
 * it was said which they are, and an exit code.
 */
int ctl_word(const char *option, const char *value, const char *words);

/*
 * Print v: as one line of JSON with --json; else an array of objects as a
 * table, an object as "name: value" lines. Returns CTL_OK.
 */
int ctl_print(struct ctl *c, cJSON *v);

/* A line for people: with --json nothing is printed. */
void ctl_say(struct ctl *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A bar on standard error when that is a terminal: call with done of total
 * (0: unknown) as often as you like, at the end with finished.
 */
void ctl_progress(const char *what, long done, long total, bool finished);

#endif
