#include "core/mail.h"

#include "base/encoding.h"

#define LANGUAGE_MAX 256 /* bytes */

struct job_draft
mail_draft(struct ctx *x, const struct mail *m)
{
	cJSON *o = json_object();

	json_add_str(o, "template", str_of(m->template));
	json_add_str(o, "to", m->to);
	/* A stranger's header: enough of it to choose by. */
	json_add_str(o, "language", str_slice(x->language, 0, LANGUAGE_MAX));
	json_add_str(o, "name", m->name);
	json_add(o, "vars", m->vars ? m->vars : json_object());
	return job_draft(x->arena, x->keys, "mail", m->priority, m->ttl,
	    json_print(x->arena, o));
}

struct str
mail_batch(struct ctx *x, const struct job_draft *d, size_t n)
{
	cJSON *list = json_array();

	for (size_t i = 0; i < n; i++) {
		cJSON *o = json_object();

		json_add_str(o, "id", d[i].id);
		json_add_str(o, "kind", d[i].kind);
		json_add_str(o, "payload", hex_encode(x->arena, d[i].sealed));
		json_add_int(o, "priority", d[i].priority);
		json_add(o, "ttl", d[i].ttl ? json_int(d[i].ttl) : NULL);
		json_push(list, o);
	}
	return json_print(x->arena, list);
}

enum err
mail_everywhere(struct ctx *x, struct str user_id, struct mail m,
    struct job_draft out[MAIL_ADDRESSES], size_t *n)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_USER_ADDRESSES, &r,
	    A_STR(user_id));

	if (e != E_OK)
		return e;
	for (size_t i = 0; i < r->n && *n < MAIL_ADDRESSES; i++) {
		m.to = row_str(r, i, 0);
		out[(*n)++] = mail_draft(x, &m);
	}
	return E_OK;
}

void
mail_sent(struct ctx *x)
{
	job_wake(x->config->runtime_dir);
}
