#include "core/account/password_change.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/account/password_history.h"
#include "core/factor/factor.h"
#include "core/outgoing/mail.h"
#include "core/problem.h"
#include "core/session/login.h"
#include "crypto/password/password.h"
#include "crypto/token.h"

#define FACTOR_LIFE (300 * CLOCK_SECOND) /* row PW8 */
#define FLOOR (25 * CLOCK_MS)

static enum err
draft_password_notice(struct ctx *x, struct str user_id, struct str *mails)
{
	return mail_notice_user(x, user_id, "password-changed",
	    mail_where(x), mails);
}

enum err
password_change(struct ctx *x, const struct session *s,
    struct str old_password, struct str new_password)
{
	const struct account *a = &s->account;
	struct str stored, hash, mails;
	struct rows *r;
	enum err e;

	if (x->config->password_factor && a->two_factor_enabled &&
	    !factor_proved(s, FACTOR_LIFE))
		return E_REAUTH_REQUIRED;
	e = login_prove(x, s, old_password, &stored);

	if (e == E_OK)
		e = account_check_password(x, "new_password", new_password,
		    a->username, a->email);
	if (e == E_OK && old_password.n == new_password.n &&
	    str_eq(old_password, new_password))
		e = problem_field(x, "new_password",
		    "The new password must differ from the old one");
	if (e == E_OK)
		e = password_history_check(x, "new_password", a->id,
		    new_password);
	if (e == E_OK)
		e = password_hash(x->arena, new_password, &hash);
	if (e == E_OK)
		e = draft_password_notice(x, a->id, &mails);
	if (e != E_OK)
		return e;
	session_stale(x, a->id);
	e = db_run(x->db, x->arena, SQL(password_change, .user_id = a->id,
	    .new_hash = hash, .verified_hash = stored, .session_id = s->id,
	    .history = x->config->password_history, .mails = mails,
	    REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		e = E_WRONG_PASSWORD; /* another request was faster */
	if (e == E_OK)
		mail_sent(x);
	return e;
}

/*
 * Add a link that sets a password to m. The link's host comes only from the
 * configuration (row PR1).
 */
static struct job_draft
link_mail(struct ctx *x, struct mail *m, struct str *link)
{
	struct uuid id = uuid_v7();
	struct str token = token_make(x->arena, x->keys, TOKEN_RESET, id, 0);
	cJSON *vars = json_object();

	*link = uuid_text(x->arena, id);
	json_add_str(vars, "link", arena_fmt(x->arena,
	    "%s/reset-password?token=%.*s", x->config->public_url,
	    STR_FMT(token)));
	json_add_str(vars, "token", token);
	json_add_int(vars, "minutes", PASSWORD_LINK_LIFE / CLOCK_SECOND / 60);
	m->vars = vars;
	m->ttl = PASSWORD_LINK_LIFE;
	return mail_draft(x, m);
}

struct job_draft
password_set_mail(struct ctx *x, struct str to, struct str *link)
{
	struct mail m = { .template = "set-password", .to = to };

	return link_mail(x, &m, link);
}

static enum err
request_known(struct ctx *x, const struct rows *u)
{
	const struct account_by_email_row row = account_by_email_row(u, 0);
	struct mail m = { .template = "reset", .to = row.email,
		.name = row.greeting, .unproved = !row.is_proved,
		.counted = true };
	struct str link;
	struct job_draft job = link_mail(x, &m, &link);
	enum err e = db_run(x->db, x->arena, SQL(reset_request,
	    .user_id = row.id, .link_id = link,
	    .life = PASSWORD_LINK_LIFE, .job_id = job.id,
	    .job_payload = job.sealed, REQUESTER(x)), NULL);

	if (e == E_OK)
		mail_sent(x);
	return e;
}

/*
 * The hourly limit of an address is reached: its newest link is less than an
 * hour old and works. So the answer is the same, and requests of strangers do
 * not turn the owner away.
 */
enum err
password_reset_request(struct ctx *x, struct str email)
{
	int64_t floor = clock_mono() + FLOOR;
	struct limit l = { .name = "password_reset_mail", .whose = email,
		.max = x->config->limit_reset, .window = 3600 * CLOCK_SECOND,
		.durable = true };
	struct rows *u;
	enum err e = limit_take(x, &l);
	bool enough = e == E_LIMITED;

	if (e == E_OK)
		e = limit_mail(x, email, false);
	if (e == E_OK)
		e = db_run(x->db, x->arena, SQL(account_by_email,
		    .email = email), &u);
	if (e == E_OK && u->n && account_by_email_row(u, 0).is_active)
		e = request_known(x, u);
	clock_hold(floor);
	return enough ? E_OK : e;
}

enum err
password_reset_confirm(struct ctx *x, struct str token,
    struct str new_password)
{
	struct reset_find_row user;
	struct str link, hash, mails;
	struct uuid id;
	uint32_t generation;
	struct rows *r;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_RESET, token, &id,
	    &generation))
		return E_BAD_TOKEN;
	link = uuid_text(x->arena, id);
	e = db_run(x->db, x->arena, SQL(reset_find, .link_id = link), &r);
	if (e == E_OK && r->n == 0)
		e = E_BAD_TOKEN;
	if (e != E_OK)
		return e;
	user = reset_find_row(r, 0);
	e = account_check_password(x, "new_password", new_password,
	    user.username, user.email);
	if (e == E_OK)
		e = password_history_check(x, "new_password", user.id,
		    new_password);
	if (e == E_OK)
		e = password_hash(x->arena, new_password, &hash);
	if (e != E_OK)
		return e;
	/*
	 * Before this address is proved no other address is known to be the
	 * user's.
	 */
	if (user.proved)
		e = draft_password_notice(x, user.id, &mails);
	else
		mails = mail_notice(x, &(struct addressee){ .proved = true,
		    .addresses = user.email }, "password-changed",
		    mail_where(x));
	if (e != E_OK)
		return e;
	session_stale(x, user.id);
	e = db_run(x->db, x->arena, SQL(reset_confirm, .link_id = link,
	    .new_hash = hash, .history = x->config->password_history,
	    .mails = mails, .admin_email = str_of(x->config->bootstrap_admin), REQUESTER(x)),
	    &r);
	if (e == E_OK && r->n == 0)
		e = E_BAD_TOKEN;
	if (e == E_OK)
		mail_sent(x);
	return e;
}
