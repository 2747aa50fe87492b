#ifndef QUEUE_MAIL_TEMPLATE_H
#define QUEUE_MAIL_TEMPLATE_H

#include "base/template.h"

/*
 * The texts of mails: mail/<name>.txt, whose first line is "Subject: …", and
 * mail/<name>.html below a template directory. Looked for in this order:
 * the operator's directory, then the installed one, first in
 * mail/<language>/, then in mail/, which is English. So single files can be
 * replaced, and a language is a folder. {{> x}} includes x.txt or x.html by
 * the same rule.
 */
struct mail_templates {
	const char *override; /* "": none */
	const char *installed;
	struct mail_template_cache *cache; /* NULL: read them every time */
};

/*
 * Files as they were read a second ago at most: a mail wants thirty lookups,
 * and a worker sends thousands in a second. The caller's to free.
 */
struct mail_template_cache *mail_template_cache_new(void);
void mail_template_cache_free(struct mail_template_cache **c);

struct mail_text {
	struct str subject;
	struct str text;
	struct str html; /* STR_NONE: there is no such file */
};

/*
 * Render mail `name` with values, in the language of `accept` (a tag or an
 * Accept-Language, RFC 9110 12.5.4; STR_NONE: the default) that it was written
 * in and that is preferred most: "de-AT" is "de" where there is no mail/de-AT.
 * Both parts are of one language. False with a short reason when there is no
 * such mail or a template is malformed.
 */
bool mail_template_render(struct arena *a, const struct mail_templates *t,
    struct str name, struct str accept, const cJSON *values,
    struct mail_text *out, const char **why);

#endif
