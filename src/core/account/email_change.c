#include "core/account/email_change.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/access/actor.h"
#include "core/outgoing/mail.h"
#include "core/problem.h"
#include "crypto/token.h"

#define HOUR (3600 * CLOCK_SECOND)
#define LIFE (24 * HOUR)      /* row RC2 */
#define PER_HOUR 5
/* Generations of an undo token: is it a proof of the address it restores? */
enum { TO_ITSELF, ELSEWHERE };

/* "a…@example.com": enough to know it again, not enough to write to it. */
static struct str
masked_address(struct arena *a, struct str email)
{
	size_t at = str_find(email, '@');

	return arena_fmt(a, "%.*s…%.*s", at ? 1 : 0, email.p,
	    STR_FMT(str_slice(email, at, email.n)));
}

static cJSON *
link_vars(struct ctx *x, const char *page, struct str token)
{
	cJSON *vars = mail_where(x);

	/* The link's host comes from the configuration only (row PR1). */
	json_add_str(vars, "link", arena_fmt(x->arena, "%s/%s?token=%.*s",
	    x->config->public_url, page, STR_FMT(token)));
	json_add_str(vars, "token", token);
	return vars;
}

/* To the new address: the link, or that it has an account already. */
static enum err
invite(struct ctx *x, struct str to, struct uuid id, struct job_draft *out)
{
	struct mail m = { .template = "already-registered", .to = to,
		.priority = 1, .unproved = true };
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(account_by_email,
	    .email = to), &r);

	if (e == E_OK && r->n == 0) {
		m.template = "email-change";
		m.priority = 0;
		m.ttl = LIFE;
		m.vars = link_vars(x, "change-email", token_make(x->arena,
		    x->keys, TOKEN_EMAIL, id, 0));
		json_add_int(m.vars, "hours", LIFE / HOUR);
	}
	*out = mail_draft(x, &m);
	return e;
}

/* The generation of a notice's link tells which address it was mailed to. */
static cJSON *
undo_vars(struct ctx *x, struct uuid undo, bool elsewhere, struct str to)
{
	cJSON *vars = link_vars(x, "undo-change-email", token_make(x->arena,
	    x->keys, TOKEN_UNDO, undo, elsewhere ? ELSEWHERE : TO_ITSELF));

	json_add_str(vars, "new_email", masked_address(x->arena, to));
	json_add_int(vars, "hours", EMAIL_UNDO_LIFE / HOUR);
	return vars;
}

enum err
email_change_warn(struct ctx *x, struct str user_id, struct str email,
    const char *template, struct str new_email, struct uuid undo,
    struct job_draft *jobs, size_t *n)
{
	struct addressee to;
	struct str one;
	enum err e = mail_addressee(x, user_id, &to);

	while (e == E_OK && str_split(&to.addresses, '\n', &one))
		mail_each(x, &(struct addressee){ to.name, one, to.proved },
		    template, undo_vars(x, undo, !str_eq(one, email),
			new_email), jobs, n);
	return e;
}

static enum err
limit_email_change(struct ctx *x, const char *name, struct str whose)
{
	struct limit l = { .name = name, .whose = whose, .max = PER_HOUR,
		.window = HOUR, .durable = true };

	return limit_take(x, &l);
}

enum err
email_change_request(struct ctx *x, const struct account *a,
    struct str new_email)
{
	struct uuid id = uuid_v7(), undo = uuid_v7();
	struct job_draft jobs[MAIL_ADDRESSES];
	size_t n = 1;
	enum err e;

	if (str_eq(a->email, new_email))
		return problem_field(x, "new_email",
		    "This is already your e-mail address");
	e = limit_email_change(x, "email_change", a->id);
	if (e == E_OK)
		e = limit_email_change(x, "email_change_to", new_email);
	if (e == E_OK)
		e = invite(x, new_email, id, &jobs[0]);
	if (e == E_OK)
		e = email_change_warn(x, a->id, a->email,
		    "email-change-notice", new_email, undo, jobs, &n);
	if (e == E_OK)
		e = actor_run(x, SQL(email_request, .user_id = a->id,
		    .link_id = uuid_text(x->arena, id), .email = new_email,
		    .life = LIFE, .undo_id = uuid_text(x->arena, undo),
		    .undo_life = EMAIL_UNDO_LIFE,
		    .mails = mail_batch(x, jobs, n), REQUESTER(x)), NULL);
	if (e == E_OK)
		mail_sent(x);
	return e;
}

enum err
email_change_confirm(struct ctx *x, const struct account *a, struct str token,
    struct account *out)
{
	struct email_find_row row;
	struct job_draft jobs[MAIL_ADDRESSES];
	struct uuid id, undo = uuid_v7();
	struct str link, to, old;
	uint32_t generation;
	size_t n = 0;
	struct rows *r;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_EMAIL, token, &id,
	    &generation))
		return E_BAD_TOKEN;
	link = uuid_text(x->arena, id);
	e = db_run(x->db, x->arena, SQL(email_find, .user_id = a->id,
	    .link_id = link), &r);
	if (e == E_OK && r->n == 0)
		e = E_BAD_TOKEN;
	if (e != E_OK)
		return e;
	row = email_find_row(r, 0);
	to = row.destination;
	old = row.email;
	e = email_change_warn(x, a->id, old, "email-changed", to, undo, jobs,
	    &n);
	if (e != E_OK)
		return e;
	session_stale(x, a->id);
	e = db_run(x->db, x->arena, SQL(email_confirm, .user_id = a->id,
	    .link_id = link, .old_email = old,
	    .undo_id = uuid_text(x->arena, undo), .undo_life = EMAIL_UNDO_LIFE,
	    .mails = mail_batch(x, jobs, n), REQUESTER(x)), &r);
	if (e == E_CONFLICT)
		return E_EMAIL_TAKEN;
	if (e == E_OK && r->n == 0)
		e = E_BAD_TOKEN;
	if (e != E_OK)
		return e;
	mail_sent(x);
	return account_find(x, a->id, out, NULL);
}

/*
 * All addresses are notified, but only the restored one learns where the
 * request came from: the others may be the thief's.
 */
static struct str
restored(struct ctx *x, const struct rows *r)
{
	const struct email_undo_find_row row = email_undo_find_row(r, 0);
	const struct addressee back = { row.name, row.destination,
		row.proved };
	const struct addressee rest = { back.name, row.others,
		back.proved };
	struct job_draft jobs[MAIL_ADDRESSES];
	size_t n = 0;

	mail_each(x, &back, "email-restored", mail_where(x), jobs, &n);
	mail_each(x, &rest, "email-restored", NULL, jobs, &n);
	return mail_batch(x, jobs, n);
}

enum err
email_change_undo(struct ctx *x, struct str token)
{
	struct uuid id;
	uint32_t generation;
	struct str link;
	struct rows *r;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_UNDO, token, &id,
	    &generation))
		return E_BAD_TOKEN;
	link = uuid_text(x->arena, id);
	e = db_run(x->db, x->arena, SQL(email_undo_find, .undo_id = link), &r);
	if (e == E_OK && r->n == 0)
		e = E_BAD_TOKEN;
	if (e != E_OK)
		return e;
	session_stale(x, email_undo_find_row(r, 0).user_id);
	e = db_run(x->db, x->arena, SQL(email_undo, .undo_id = link,
	    .mails = restored(x, r), .proves = generation == TO_ITSELF,
	    REQUESTER(x)), &r);
	if (e == E_CONFLICT)
		return E_EMAIL_TAKEN;
	if (e == E_OK && r->n == 0)
		e = E_BAD_TOKEN;
	if (e == E_OK)
		mail_sent(x);
	return e;
}
