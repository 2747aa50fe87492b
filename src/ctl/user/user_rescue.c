#include "core/factor/factor.h"
#include "core/outgoing/mail.h"
#include "ctl/user/user.h"

static struct {
	bool from_input;
} set;

const struct ctl_option user_set_password_options[] = {
	{ "password-stdin", CTL_FLAG, &set.from_input,
	    "the first line of standard input; without it you are asked" },
	{ 0 },
};

/* Somebody who is locked out, and the operator who helps him. */
struct rescue {
	struct ctl *c;
	struct ctx x;
	struct rows *user; /* as ctl_user_find */
	struct str id;
};

static int
rescue_begin(struct rescue *s, struct ctl *c)
{
	int status = user_find(c, c->args[0], &s->user);

	s->c = c;
	s->x = user_ctx(c);
	if (status == CTL_OK)
		s->id = row_str(s->user, 0, 0);
	return status;
}

/* What was done, and what else stands between him and a login. */
static int
rescue_end(struct rescue *s, const char *done, int64_t keys)
{
	struct ctl *c = s->c;
	cJSON *answer = json_object();
	bool active = row_bool(s->user, 0, 5);

	ctl_say(c, "%.*s %s.", STR_FMT(row_str(s->user, 0, 2)), done);
	if (keys)
		ctl_say(c, "API keys that work on: %lld.", (long long)keys);
	if (!active)
		ctl_say(c, "The account is deactivated; see posternctl user "
		    "activate.");
	if (!c->json)
		return CTL_OK;
	json_add_str(answer, "id", s->id);
	json_add_str(answer, "email", row_str(s->user, 0, 2));
	json_add_str(answer, "state", str_of(done));
	json_add_bool(answer, "is_active", active);
	json_add_int(answer, "api_keys", keys);
	return ctl_print(c, answer);
}

/* args begin with the id. The mails of the statement go out. */
static int
rescue_run(struct rescue *s, enum query q, const struct arg *args, int nargs,
    const char *done)
{
	struct rows *r;
	enum err e;

	session_stale(&s->x, s->id);
	e = db_run(s->c->db, s->c->arena, SQL_AT(q, args, nargs), &r);
	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e != E_OK)
		return ctl_fail(e, NULL);
	mail_sent(&s->x);
	return rescue_end(s, done, row_int(r, 0, 1));
}

int
user_set_password(struct ctl *c)
{
	struct rescue s;
	struct str hash, mails;
	int status = rescue_begin(&s, c);
	enum err e;

	if (status == CTL_OK)
		status = user_hash(c, row_str(s.user, 0, 3),
		    row_str(s.user, 0, 2), !set.from_input, &hash);
	if (status != CTL_OK)
		return status;
	e = mail_notice_user(&s.x, s.id, "password-changed",
	    mail_where(&s.x), &mails);
	if (e != E_OK)
		return ctl_fail(e, NULL);
	return rescue_run(&s, Q_CTL_USER_SET_PASSWORD, (struct arg[]){
	    A_STR(s.id), A_STR(hash), A_STR(mails) }, 3,
	    "has the new password; all sessions ended");
}

int
user_unlock(struct ctl *c)
{
	struct rescue s;
	int status = rescue_begin(&s, c);

	return status != CTL_OK ? status : rescue_run(&s, Q_CTL_USER_UNLOCK,
	    &A_STR(s.id), 1, "is unlocked");
}

int
user_reset_2fa(struct ctl *c)
{
	struct rescue s;
	struct str mails;
	int status = rescue_begin(&s, c);
	enum err e;

	if (status != CTL_OK)
		return status;
	e = factor_notice_user(&s.x, s.id, "disabled", STR_NONE, &mails);
	if (e != E_OK)
		return ctl_fail(e, NULL);
	return rescue_run(&s, Q_CTL_USER_RESET_2FA, (struct arg[]){
	    A_STR(s.id), A_STR(mails) }, 2,
	    "has no second factor any more; all sessions ended");
}
