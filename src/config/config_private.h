#ifndef CONFIG_CONFIG_PRIVATE_H
#define CONFIG_CONFIG_PRIVATE_H

/* What the config_*.c files share; nobody else includes this. */

#include "config/config.h"

#define CONFIG_VALUE_MAX 16384	   /* bytes of one value */
#define CONFIG_FILE_MAX (256u << 10) /* bytes of the YAML file */
#define CONFIG_FAULTS 64

enum config_kind {
	CONFIG_TEXT, CONFIG_SECRET, CONFIG_LIST, CONFIG_INT, CONFIG_BOOL,
	CONFIG_DURATION
};

struct config_row {
	enum config_kind kind;
	const char *key;
	const char *dflt;
	const char *strict;
	const char *rule;
	const char *env;
	const char *doc; /* accepted: why the setting does nothing */
	bool accepted;	 /* read and checked, but not used */
	size_t offset;	 /* of the field in struct config, unless accepted */
};

extern const struct config_row config_rows[];
extern const size_t config_rows_count;

/* Number of rows, for arrays. */
enum {
#define CONFIG(kind, field, key, dflt, strict, rule, env, doc) \
	CONFIG_ROW_##field,
#define ACCEPTED(kind, field, key, dflt, rule, env, why) CONFIG_ROW_##field,
#include "config/config.def"
#undef ACCEPTED
#undef CONFIG
	CONFIG_ROWS
};

/* Where a value comes from, the strongest source last. */
enum config_origin {
	CONFIG_FROM_DEFAULT, CONFIG_FROM_PROFILE, CONFIG_FROM_FILE,
	CONFIG_FROM_MANAGER, CONFIG_FROM_ENV, CONFIG_FROM_LINE
};

struct config_given {
	const char *text; /* NULL: not given */
	enum config_origin from;
	const char *name; /* variable, or file and line; for people */
	bool by_file;	  /* the text was read from NAME_FILE */
};

/* The settings while they are built, and what config_print shows of them. */
struct config_all {
	struct config c;
	struct config_given given[CONFIG_ROWS];
	struct arena *arena;
	const char *faults[CONFIG_FAULTS];
	size_t nfaults;
	const char *warnings[CONFIG_FAULTS];
	size_t nwarnings;
	const char *looked; /* the file looked for, and the outcome */
};

/* Add a fault; those past CONFIG_FAULTS are only counted. */
void config_fault(struct config_all *all, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Add a warning, which stops nothing; past CONFIG_FAULTS they are dropped. */
void config_warn(struct config_all *all, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "key" or "key (from environment NAME)", the subject of a sentence. */
const char *config_subject(struct config_all *all, size_t row);

/*
 * The row of a key: the row's own key, or auth.x when the row has the name
 * AUTH_X. A secret's key with "_file" behind it finds the secret and sets
 * *by_file. -1: unknown.
 */
int config_row_find(struct str key, bool *by_file);

/*
 * Take g as the value of a row, unless a stronger source gave one, or the text
 * is empty and that means nothing (for all kinds but TEXT and LIST).
 */
void config_give(struct config_all *all, size_t row,
    const struct config_given *g);

/*
 * The same for a key from a file or the command line: text is the value, or
 * for a key_file the path; where names its place, for people.
 */
void config_give_key(struct config_all *all, struct str key, const char *text,
    enum config_origin from, const char *where);

/*
 * Walk the environment names of a row: rest starts as row->env, text receives
 * the name; AUTH_X gives HOTEL_REVIEWS_AUTH_X too. False at the end.
 */
struct config_name {
	const char *rest;
	char text[96];
	bool prefixed;
};
bool config_name_next(struct config_name *n);

/*
 * Is argv[*i] the option, as "--x value" or "--x=value"? *value receives the
 * value, NULL when it is missing; *i moves to the option's last word.
 */
bool config_is_option(int argc, char **argv, int *i, const char *option,
    const char **value);

/*
 * config_source.c: where values come from. config_line takes the values of
 * --set and returns the file to read (NULL: the usual one).
 */
const char *config_line(struct config_all *all, int argc, char **argv);
void config_environment(struct config_all *all);
void config_file(struct config_all *all, const char *path);

/* config_yaml.c: take every setting of a YAML text. */
void config_yaml(struct config_all *all, struct str text, const char *file);

/*
 * config_manager.c: take the settings that a manager of secrets gives, when the
 * sources before it name one. Parses the rows of its own section first.
 */
#define CONFIG_MANAGER_FIRST CONFIG_ROW_secrets_provider
#define CONFIG_MANAGER_PAST (CONFIG_ROW_aws_endpoint + 1)
void config_manager(struct config_all *all);
/* config_manager_take.c: take the names and values of an answer. */
void config_manager_take(struct config_all *all, struct str answer);

/*
 * config_run.c: run a program without a shell, let it read input, and take what
 * it prints, CONFIG_FILE_MAX bytes at most. Of this process it has env and
 * nothing else. It is killed with its children when the time is over. Returns
 * its exit status, or -1 with *why set to what happened.
 */
struct config_run {
	char *const *argv; /* argv[0] is a path, or looked for in PATH */
	char *const *env;
	struct str input;
	long long time; /* µs */
};
int config_run(struct arena *a, const struct config_run *run, struct str *out,
    const char **why);

/*
 * config_value.c: parse the given texts, or the defaults, into the fields of
 * the rows from first on, up to past.
 */
void config_values(struct config_all *all, size_t first, size_t past);
/* Bounds of a "low..high" rule in the units of the field. */
bool config_range(const struct config_row *r, long long *low,
    long long *high);
/* Is word one of the pieces of list, which '|' separates? */
bool config_has_choice(const char *list, struct str word);

/*
 * config_rule.c: NULL when v has the shape of "<name>", else what v must be:
 * "must be an http or https URL without …".
 */
const char *config_shape(const char *rule, struct str v);

/* Who besides its owner and group may open a file, by its mode. */
enum config_reach {
	CONFIG_OWN,
	CONFIG_MOUNTED,	 /* everyone reads, in a mount made for secrets */
	CONFIG_READABLE, /* everyone reads */
	CONFIG_WRITABLE	 /* everyone writes */
};

/*
 * config_secret.c: the rules for secrets; wiping them from the environment.
 * config_read_file: at most max bytes without a byte order mark, followed by a
 * NUL; *why is set when the file cannot be read.
 */
struct str config_read_file(struct arena *a, const char *path, size_t max,
    enum config_reach *reach, const char **why);
void config_scrub(void);
void config_secrets(struct config_all *all);

/* config_cross.c: checks of two or more settings together. */
void config_cross(struct config_all *all);

#endif
