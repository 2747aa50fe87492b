#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdio.h>

#include "base/arena.h"

/*
 * The settings, typed, from config/config.def: one field per row that does
 * something. TEXT, SECRET and LIST fields are never NULL; DURATION fields are
 * microseconds. Read once at start; request parameters never configure anything
 * (row HB2).
 */
struct config {
#define CONFIG_TYPE_TEXT const char *
#define CONFIG_TYPE_SECRET const char *
#define CONFIG_TYPE_LIST const char *
#define CONFIG_TYPE_INT long
#define CONFIG_TYPE_BOOL bool
#define CONFIG_TYPE_DURATION long long
#define CONFIG(kind, field, key, dflt, strict, rule, env, doc) \
	CONFIG_TYPE_##kind field;
#define ACCEPTED(kind, field, key, dflt, rule, env, why)
#include "config/config.def"
#undef ACCEPTED
#undef CONFIG
};

/*
 * Build the settings: command line > environment > manager of secrets > YAML
 * file > default.
 * argv holds "--set KEY=VALUE" and "--config FILE" (also with '='), up to a
 * "--"; other words are the caller's, see config_args. Pass argc 0 under CGI,
 * where the query string arrives as argv. The file is --config, else
 * POSTERN_CONFIG (empty: none), else SYSCONFDIR/postern/postern.yaml if that
 * exists. Every secret is also read from the file that NAME_FILE names.
 * Secrets are wiped from the environment after the read (row CF2).
 * Refused: unknown keys, values of the wrong kind or out of bounds, sample or
 * short secrets, secrets in quotes or with white space at their end, one
 * secret for two purposes, secret files others can write.
 * On refusal returns NULL and *why is a sentence that names the key, never
 * its value. The result lives in a.
 */
const struct config *config_load(struct arena *a, int argc, char **argv,
    const char **why);

/*
 * Where the answer of a manager of secrets lies: an empty file in memory. Who
 * asks leaves the answer there; when there is one already, nobody asks. So a
 * reload uses what its check was given, and a process that may not run programs
 * gets the answer from one that may. Wiped by config_answer_wipe.
 */
void config_answer_at(int fd);
void config_answer_wipe(int fd);
/* Do these settings name a manager? */
bool config_has_manager(const struct config *c);
/* Were the settings last refused for a manager that is out of reach? */
bool config_may_pass(void);
/* From here on no manager is asked: a setting that names one is refused. */
void config_no_manager(void);

/* The n-th warning about a setting that works but is odd; NULL: no more. */
const char *config_warning(const struct config *c, size_t n);
/* Write all warnings to the log. */
void config_log_warnings(const struct config *c);

/*
 * Judges a conninfo: returns NULL, or a sentence that says what is wrong and
 * quotes no part of it. Set this before the settings are built; it is
 * db_conninfo_fault of store/pg/db.h, which is above this layer.
 */
typedef const char *config_conninfo_fn(const char *conninfo);
void config_use_conninfo(config_conninfo_fn *judge);

/*
 * As config_load, but reports every fault: faults receives up to max sentences.
 * Returns the number of faults; *out is the settings, NULL if there are faults.
 */
size_t config_check(struct arena *a, int argc, char **argv,
    const struct config **out, const char **faults, size_t max);

/*
 * Take --set and --config with their values out of argv, in place. Returns
 * the new argc; argv[argc] is NULL.
 */
int config_args(int argc, char **argv);

/* The whole table as YAML with sources as comments; secrets as "(set)". */
void config_print(const struct config *c, FILE *out);

/* The commented sample file, conf/postern.yaml. */
void config_sample(FILE *out);

/* The table for people, docs/configuration.md. */
void config_reference(FILE *out);

/*
 * The libpq conninfo of the settings: database.url, unless a single setting
 * comes from a stronger source; owner: database.owner_url when set. Allocated
 * in a; holds a password, do not log.
 */
const char *config_conninfo(struct arena *a, const struct config *c,
    bool owner);

/*
 * The next piece of a LIST setting, trimmed; empty ones are skipped. *rest
 * starts as the field. False when nothing is left.
 */
bool config_list_next(const char **rest, struct str *piece);

#endif
