#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdio.h>

#include "base/arena.h"

/*
 * The settings, typed, from base/config.def: one field per row. TEXT, SECRET
 * and LIST fields are never NULL; DURATION fields are microseconds. Read once
 * at start; request parameters never configure anything (contract, 3.15).
 */
struct config {
#define CONFIG_TYPE_TEXT const char *
#define CONFIG_TYPE_SECRET const char *
#define CONFIG_TYPE_LIST const char *
#define CONFIG_TYPE_INT long
#define CONFIG_TYPE_BOOL bool
#define CONFIG_TYPE_DURATION long long
#define CONFIG(kind, field, key, dflt, env, doc) CONFIG_TYPE_##kind field;
#include "base/config.def"
#undef CONFIG
};

/*
 * Build the settings: command line > environment > YAML file > default.
 * argv holds "--set key=value" and "--config FILE" pairs (argc 0 under CGI);
 * others are left to the caller, see config_args. The file is --config, else
 * POSTERN_CONFIG, else SYSCONFDIR/postern/postern.yaml where that exists. Every NAME also reads
 * NAME_FILE. The environment is scrubbed of secrets after the read (row CF2).
 * Refused: unknown keys, values of the wrong kind or outside their bounds,
 * sample or short secrets, one secret for two purposes.
 * On refusal returns NULL and *why is a sentence that names the key, never
 * its value. The result lives in a.
 */
const struct config *config_load(struct arena *a, int argc, char **argv,
    const char **why);

/* The whole table as YAML with sources as comments; secrets as "(set)". */
void config_print(const struct config *c, FILE *out);

/* The commented sample file, conf/postern.yaml. */
void config_sample(FILE *out);

/*
 * The libpq conninfo of the settings: database.url or the single settings;
 * owner: database.owner_url when set. In a; holds a password, do not log.
 */
const char *config_conninfo(struct arena *a, const struct config *c,
    bool owner);

/* One piece of a LIST setting after the other; *rest starts as the field. */
bool config_list_next(const char **rest, struct str *piece);

#endif
