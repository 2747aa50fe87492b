#include "core/mail.h"

struct job_draft
mail_draft(struct ctx *x, const struct mail *m)
{
	cJSON *o = json_object();

	json_add_str(o, "template", str_of(m->template));
	json_add_str(o, "to", m->to);
	json_add_str(o, "language", x->language);
	json_add_str(o, "name", m->name);
	json_add(o, "vars", m->vars ? m->vars : json_object());
	return job_draft(x->arena, x->keys, "mail", m->priority, m->ttl,
	    json_print(x->arena, o));
}

void
mail_sent(struct ctx *x)
{
	job_wake(x->config->runtime_dir);
}
