#include "core/outgoing/mail.h"

#include "base/clock.h"
#include "base/clock_text.h"
#include "base/encoding.h"
#include "core/limit.h"

#define LANGUAGE_MAX 256 /* bytes */

/*
 * Text that a client chose must not reach a reader who may not know the client.
 */
static void
leave_out(cJSON *vars)
{
	static const char *const chosen[] = { "user_agent", "new_email" };

	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
		cJSON_DeleteItemFromObjectCaseSensitive(vars, chosen[i]);
}

/* Where addresses need no proof, a name may be anybody's (row HT4). */
static bool
nameless(const struct ctx *x, const struct mail *m)
{
	return m->unproved ||
	    strcmp(x->config->email_verification, "off") == 0;
}

struct job_draft
mail_draft(struct ctx *x, const struct mail *m)
{
	cJSON *o = json_object();
	struct job_draft d;

	if (m->unproved && m->vars)
		leave_out(m->vars);
	json_add_str(o, "template", str_of(m->template));
	json_add_str(o, "to", m->to);
	/* A stranger's header: enough of it to choose by. */
	json_add_str(o, "language", str_slice(x->language, 0, LANGUAGE_MAX));
	json_add_str(o, "name", nameless(x, m) ? STR_NONE : m->name);
	json_add(o, "vars", m->vars ? m->vars : json_object());
	d = job_draft(x->arena, x->keys, m->sms ? "sms" : "mail",
	    m->priority, m->ttl, json_print(x->arena, o));
	if (m->unproved && !m->sms && !m->counted)
		d.cap = limit_mail_cap(x, m->to, m->priority > 0);
	return d;
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
		if (d[i].cap.bucket.n) {
			json_add_str(o, "cap", d[i].cap.bucket);
			json_add_int(o, "cap_max", d[i].cap.max);
			json_add_int(o, "cap_window", d[i].cap.window);
		}
		json_push(list, o);
	}
	return json_print(x->arena, list);
}

enum err
mail_addressee(struct ctx *x, struct str user_id, struct addressee *out)
{
	struct addressee_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(addressee,
	    .user_id = user_id), &r);

	*out = (struct addressee){ 0 };
	if (e != E_OK || r->n == 0)
		return e;
	row = addressee_row(r, 0);
	*out = (struct addressee){ row.name, row.addresses, row.proved };
	return E_OK;
}

cJSON *
mail_where(struct ctx *x)
{
	cJSON *vars = json_object();

	json_add_str(vars, "ip", x->client);
	json_add_str(vars, "when", clock_iso(x->arena, clock_wall()));
	return vars;
}

void
mail_each(struct ctx *x, const struct addressee *to, const char *template,
    cJSON *vars, struct job_draft out[MAIL_ADDRESSES], size_t *n)
{
	struct mail m = { .template = template, .name = to->name,
		.vars = vars, .priority = 1, .unproved = !to->proved };
	struct str rest = to->addresses;

	while (*n < MAIL_ADDRESSES && str_split(&rest, '\n', &m.to))
		out[(*n)++] = mail_draft(x, &m);
}

struct str
mail_notice(struct ctx *x, const struct addressee *to, const char *template,
    cJSON *vars)
{
	struct job_draft drafts[MAIL_ADDRESSES];
	size_t n = 0;

	mail_each(x, to, template, vars, drafts, &n);
	return mail_batch(x, drafts, n);
}

enum err
mail_notice_user(struct ctx *x, struct str user_id, const char *template,
    cJSON *vars, struct str *out)
{
	struct addressee to;
	enum err e = mail_addressee(x, user_id, &to);

	if (e == E_OK)
		*out = mail_notice(x, &to, template, vars);
	return e;
}

void
mail_sent(struct ctx *x)
{
	job_wake(x->config->runtime_dir);
}
