#include "base/clock_text.h"
#include "core/factor/factor.h"
#include "core/outgoing/mail.h"
#include "ctl/user/user.h"

static struct {
	bool from_input, generate;
} set;

const struct ctl_option user_set_password_options[] = {
	{ "password-stdin", CTL_FLAG, &set.from_input,
	    "the first line of standard input; without it you are asked" },
	{ "generate", CTL_FLAG, &set.generate,
	    "make one by chance, and print it this once" },
	{ 0 },
};

/* Commands for an operator who helps a user that is locked out. */
struct rescue {
	struct ctl *c;
	struct ctx x;
	struct ctl_user_find_row user;
	const char *note; /* what else is to be known, or NULL */
	struct str made;  /* a password that is to be shown */
};

static int
rescue_begin(struct rescue *s, struct ctl *c)
{
	int status = user_find(c, c->args[0], &s->user);

	s->note = NULL;
	s->made = STR_NONE;
	s->c = c;
	s->x = user_ctx(c);
	return status;
}

/* Print what was done, and what else keeps the user from a login. */
static int
rescue_end(struct rescue *s, const char *done, int64_t keys)
{
	struct ctl *c = s->c;
	cJSON *answer = json_object();
	bool active = s->user.is_active;

	ctl_say(c, "%.*s %s.", STR_FMT(s->user.email), done);
	if (keys)
		ctl_say(c, "API keys that work on: %lld.", (long long)keys);
	if (s->made.n)
		ctl_say(c, "The new password, which is shown only here: %.*s",
		    STR_FMT(s->made));
	if (s->note)
		ctl_say(c, "%s", s->note);
	if (!active)
		ctl_say(c, "The account is deactivated; see posternctl user "
		    "activate.");
	if (!c->json)
		return CTL_OK;
	json_add_str(answer, "id", s->user.id);
	json_add_str(answer, "email", s->user.email);
	json_add_str(answer, "state", str_of(done));
	json_add_bool(answer, "is_active", active);
	json_add_int(answer, "api_keys", keys);
	if (s->made.n)
		json_add_str(answer, "password", s->made);
	if (s->note)
		json_add_str(answer, "note", str_of(s->note));
	return ctl_print(c, answer);
}

/* The statement has queued mails: wake the worker. */
static int
rescue_run(struct rescue *s, struct statement statement, const char *done)
{
	struct rows *r;
	enum err e;

	session_stale(&s->x, s->user.id);
	e = db_run(s->c->db, s->c->arena, statement, &r);
	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e != E_OK)
		return ctl_fail_db(s->c, e);
	mail_sent(&s->x);
	return rescue_end(s, done, ctl_rescued_row(r, 0).api_keys);
}

int
user_set_password(struct ctl *c)
{
	struct rescue s;
	struct str hash, mails;
	int status = rescue_begin(&s, c);
	enum err e;

	if (status == CTL_OK && set.generate && set.from_input)
		status = ctl_fail(E_VALIDATION, "either --generate or "
		    "--password-stdin");
	if (status == CTL_OK && set.generate)
		s.made = user_generate(c);
	if (status == CTL_OK)
		status = user_hash(c, &(struct user_new){ s.user.id,
		    s.user.username, s.user.email, s.made }, !set.from_input,
		    &hash);
	if (status != CTL_OK)
		return status;
	e = mail_notice_user(&s.x, s.user.id, "password-changed",
	    mail_where(&s.x), &mails);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	return rescue_run(&s, SQL(ctl_user_set_password, .user_id = s.user.id,
	    .password_hash = hash, .history = c->config->password_history,
	    .mails = mails),
	    "has the new password; all sessions ended");
}

/*
 * Whom a network's limit keeps out is not known by his account: it counts all
 * who come from there.
 */
int
user_unlock(struct ctl *c)
{
	struct rescue s;
	int status = rescue_begin(&s, c);

	if (status != CTL_OK)
		return status;
	s.note = arena_fmt(c->arena, "Failed logins and wrong "
	    "codes are forgotten. The limits of a network stand, whoever "
	    "comes from there: an answer 429 to a login ends by itself, "
	    "within %s (limits.window).",
	    clock_go_duration(c->arena, c->config->limit_window).p).p;
	return rescue_run(&s, SQL(ctl_user_unlock,
	    .user_id = s.user.id), "is unlocked");
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
	e = factor_notice_user(&s.x, s.user.id, "disabled", STR_NONE, &mails);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	return rescue_run(&s, SQL(ctl_user_reset_2fa, .user_id = s.user.id,
	    .mails = mails),
	    "has no second factor any more; all sessions ended");
}
