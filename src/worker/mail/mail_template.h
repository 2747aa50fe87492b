#ifndef WORKER_MAIL_MAIL_TEMPLATE_H
#define WORKER_MAIL_MAIL_TEMPLATE_H

#include "worker/message/template_dir.h"

/*
 * The texts of mails: mail/<name>.txt, whose first line is "Subject: …", and
 * mail/<name>.html beside it.
 */
struct mail_text {
	struct str subject;
	struct str text;
	struct str html; /* STR_NONE: there is no such file */
};

/*
 * Render mail `name` with values, whose times are replaced by what the
 * language of accept calls them (template_dir_open, template_dir_times). Both
 * parts are of one language. False with a short reason when there is no such
 * mail or a template is malformed.
 */
bool mail_template_render(struct arena *a, const struct template_dir *dir,
    struct str name, struct str accept, cJSON *values, struct mail_text *out,
    const char **why);

#endif
