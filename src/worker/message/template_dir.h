#ifndef WORKER_MESSAGE_TEMPLATE_DIR_H
#define WORKER_MESSAGE_TEMPLATE_DIR_H

#include "worker/message/template.h"

/*
 * The texts of messages: <folder>/<name>.<suffix> below a template directory,
 * the folder named after the kind of message. Looked for in this order: the
 * operator's directory, then the installed one, first in
 * <folder>/<language>/, then in <folder>/, which is English. So single files
 * can be replaced, and a language is a folder. {{> x}} includes x.<suffix> by
 * the same rule.
 */
struct template_dir {
	const char *override; /* "": none */
	const char *installed;
	struct template_cache *cache; /* NULL: read them every time */
};

/*
 * Files as they were read a second ago at most: a mail wants thirty lookups,
 * and a worker sends thousands in a second. The caller's to free.
 */
struct template_cache *template_dir_cache_new(void);
void template_dir_cache_free(struct template_cache **c);

/* What a message is made from. */
struct template_source {
	struct arena *arena;
	const struct template_dir *dir;
	const char *folder;
	const char *suffix;  /* "txt" or "html" */
	struct str language; /* STR_NONE: English */
};

/*
 * The text of name, in the language of accept (a tag or an Accept-Language,
 * RFC 9110 12.5.4; STR_NONE: English) that it was written in and that is
 * preferred most: "de-AT" is "de" where there is no <folder>/de-AT. s keeps
 * the language. False when there is no such text. It is borrowed from the
 * cache until the next call.
 */
bool template_dir_open(struct template_source *s, struct str name,
    struct str accept, struct str *text);

/* The text of name in the language of s and in no other. */
bool template_dir_find(const struct template_source *s, struct str name,
    struct str *text);

/* template_render, with what text includes from s. */
bool template_dir_render(const struct template_source *s,
    enum template_kind kind, struct str text, const cJSON *values,
    struct str *out, const char **why);

/*
 * What is called "when" or "until" among values and is RFC 3339 becomes what
 * the template _time of the language says, from year, month, day, hour and
 * minute (digits, UTC). Without one it stays. False when that is malformed.
 */
bool template_dir_times(const struct template_source *s, cJSON *values,
    const char **why);

#endif
