#include "core/password_change.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/factor.h"
#include "core/login.h"
#include "core/mail.h"
#include "crypto/password.h"
#include "crypto/token.h"

#define RESET_LIFE (3600 * CLOCK_SECOND) /* contract: 1 h, once */
#define FACTOR_LIFE (300 * CLOCK_SECOND) /* row PW8 */
#define FLOOR (25 * CLOCK_MS)

static enum err
check(struct ctx *x, struct str password, struct str username,
    struct str email)
{
	struct str context[] = { username, email, str_of(x->config->name) };

	x->sentence = password_policy(x->config, password, context, 3);
	x->field = "new_password";
	return x->sentence ? E_VALIDATION : E_OK;
}

static enum err
notice(struct ctx *x, struct str user_id, struct str *mails)
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
		e = check(x, new_password, a->username, a->email);
	if (e == E_OK && old_password.n == new_password.n &&
	    str_eq(old_password, new_password)) {
		x->sentence = "The new password must differ from the old one";
		e = E_VALIDATION;
	}
	if (e == E_OK)
		e = password_hash(x->arena, new_password, &hash);
	if (e == E_OK)
		e = notice(x, a->id, &mails);
	if (e != E_OK)
		return e;
	session_stale(x, a->id);
	e = db_exec(x->db, x->arena, Q_PASSWORD_CHANGE, &r, A_STR(a->id),
	    A_STR(hash), A_STR(stored), A_STR(s->id), A_STR(mails),
	    A_STR(x->client), A_STR(x->user_agent), A_STR(x->request_id));
	if (e == E_OK && r->n == 0)
		e = E_WRONG_PASSWORD; /* somebody was faster */
	if (e == E_OK)
		mail_sent(x);
	return e;
}

/* The link's host comes from the configuration only (row PR1). */
static struct job_draft
link_mail(struct ctx *x, struct str to, struct str name, struct str token)
{
	cJSON *vars = json_object();

	json_add_str(vars, "link", arena_fmt(x->arena,
	    "%s/reset-password?token=%.*s", x->config->public_url,
	    STR_FMT(token)));
	json_add_str(vars, "token", token);
	json_add_int(vars, "minutes", RESET_LIFE / CLOCK_SECOND / 60);
	return mail_draft(x, &(struct mail){ .template = "reset", .to = to,
	    .name = name, .vars = vars, .ttl = RESET_LIFE });
}

static enum err
request_known(struct ctx *x, const struct rows *u)
{
	struct uuid id = uuid_v7();
	struct job_draft job = link_mail(x, row_str(u, 0, 6),
	    row_str(u, 0, 3), token_make(x->arena, x->keys, TOKEN_RESET, id, 0));
	enum err e = db_exec(x->db, x->arena, Q_RESET_REQUEST, NULL,
	    A_STR(row_str(u, 0, 0)), A_STR(uuid_text(x->arena, id)),
	    A_INT(RESET_LIFE), A_STR(job.id), A_BYTES(job.sealed),
	    A_STR(x->client), A_STR(x->user_agent), A_STR(x->request_id));

	if (e == E_OK)
		mail_sent(x);
	return e;
}

/*
 * Whoever asked, what the address gets an hour is enough: its newest link is
 * less than an hour old and works, so the answer is the same, and nothing that
 * strangers ask for turns the owner away.
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
		e = db_exec(x->db, x->arena, Q_ACCOUNT_BY_EMAIL, &u,
		    A_STR(email));
	if (e == E_OK && u->n && row_bool(u, 0, 4))
		e = request_known(x, u);
	if (enough) {
		x->retry_after = 0;
		x->sentence = NULL;
		e = E_OK;
	}
	clock_hold(floor);
	return e;
}

enum err
password_reset_confirm(struct ctx *x, struct str token,
    struct str new_password)
{
	struct str link, hash, uid, mails;
	struct uuid id;
	uint32_t generation;
	struct rows *r;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_RESET, token, &id,
	    &generation))
		return E_BAD_TOKEN;
	link = uuid_text(x->arena, id);
	e = db_exec(x->db, x->arena, Q_RESET_FIND, &r, A_STR(link));
	if (e == E_OK && r->n == 0)
		e = E_BAD_TOKEN;
	if (e == E_OK)
		e = check(x, new_password, row_str(r, 0, 2), row_str(r, 0, 1));
	if (e == E_OK)
		e = password_hash(x->arena, new_password, &hash);
	if (e != E_OK)
		return e;
	uid = row_str(r, 0, 0);
	e = notice(x, uid, &mails);
	if (e != E_OK)
		return e;
	session_stale(x, uid);
	e = db_exec(x->db, x->arena, Q_RESET_CONFIRM, &r, A_STR(link),
	    A_STR(hash), A_STR(mails), A_STR(x->client),
	    A_STR(x->user_agent), A_STR(x->request_id));
	if (e == E_OK && r->n == 0)
		e = E_BAD_TOKEN;
	if (e == E_OK)
		mail_sent(x);
	return e;
}
