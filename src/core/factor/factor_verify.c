#include "core/factor/factor_verify.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/factor/backup.h"
#include "core/factor/factor_send.h"
#include "core/problem.h"
#include "core/session/login_notice.h"
#include "core/session/signing.h"
#include "crypto/password/password.h"
#include "crypto/seal.h"
#include "crypto/token.h"
#include "crypto/totp.h"

#define CHALLENGE_TRIES 5

/* A try on its way. */
struct trial {
	struct subject subject;
	struct str challenge; /* id, or STR_NONE */
	struct str bound;
	struct str code;      /* digits, or a backup code as it was made */
	struct str prefix;    /* of a backup code; STR_NONE: digits */
	/* of the charge */
	const struct rows *rows;
	int64_t challenge_tries;
	int64_t failures; /* the most of what was charged */
	bool capped;
	/* what matched */
	struct str kind;
	struct str factor_id;
	bool has_step;
	int64_t step;
	struct str code_id;
	struct str set_id;
};

static enum err
no_code(struct ctx *x)
{
	return problem_field(x, "code",
	    "Code must be six digits, or a backup code");
}

/* Six digits, or something that could be meant as a backup code (TO6). */
static enum err
read_try_code(struct ctx *x, const struct factor_try *t, struct trial *w)
{
	size_t digits = 0, letters = 0;

	for (size_t i = 0; i < t->code.n; i++) {
		char c = t->code.p[i];

		if (text_is_digit(c))
			digits++;
		else if (text_is_letter(c))
			letters++;
		else if (c != '-' && c != ' ')
			return no_code(x);
	}
	w->code = t->code;
	w->prefix = STR_NONE;
	if (digits == 6 && t->code.n == 6 && !t->backup_only)
		return E_OK;
	if (letters + digits < 8 && !t->backup_only)
		return no_code(x);
	if (letters == 0 && digits != BACKUP_CHARS && !t->backup_only)
		return no_code(x);
	w->code = backup_read(x->arena, t->code);
	/* No set has such a prefix, but the try is charged. */
	w->prefix = w->code.n ? str_slice(w->code, 0, BACKUP_PREFIX) :
	    STR("--");
	return E_OK;
}

static enum err
charge_factor(struct ctx *x, struct trial *w)
{
	struct factor_charge_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(factor_charge,
	    .challenge_id = w->challenge, .subject_id = w->subject.id,
	    .bound = w->bound, .prefix = w->prefix,
	    .failures_max = LIMIT_FAILURES), &r);

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_CHALLENGE_INVALID;
	w->rows = r;
	row = factor_charge_row(r, 0);
	w->subject.id = row.subject_id;
	w->challenge_tries = row.attempts;
	w->capped = row.locked;
	w->failures = row.codes_failures;
	for (size_t i = 0; i < r->n; i++) {
		struct factor_charge_row found = factor_charge_row(r, i);

		if (found.failures > w->failures)
			w->failures = found.failures;
	}
	return row.enabled ? E_OK : factor_none(x);
}

/* One charged factor against the code. */
static bool
factor_matches(struct ctx *x, const struct trial *w,
    const struct factor_charge_row *row, int64_t *step)
{
	struct str secret;

	if (!str_eq(row->kind, STR("totp")))
		return row->code_id.p && factor_send_matches(x, row->code_id,
		    row->mac, w->code);
	/* A secret of another row does not open (row TO8). */
	return unseal(x->arena, x->keys, factor_bound(x->arena, "secret",
	    &w->subject, row->kind, row->factor_id), row->secret, &secret) ==
	    E_OK &&
	    totp_match(secret, w->code, clock_wall() / CLOCK_SECOND, step);
}

/* All that was charged is compared, whatever matched before. */
static enum err
compare_digits(struct ctx *x, struct trial *w)
{
	bool found = false;

	for (size_t i = 0; i < w->rows->n; i++) {
		struct factor_charge_row row = factor_charge_row(w->rows, i);
		int64_t step = 0;

		if (row.kind.p == NULL || !factor_matches(x, w, &row, &step) ||
		    found)
			continue;
		found = true;
		w->kind = row.kind;
		w->factor_id = row.factor_id;
		w->has_step = str_eq(w->kind, STR("totp"));
		w->step = step;
		if (!w->has_step)
			w->code_id = row.code_id;
	}
	return found ? E_OK : E_FACTOR_INVALID;
}

/* The set is found by the subject, the code in it by its index (row BC2). */
static enum err
compare_backup(struct ctx *x, struct trial *w)
{
	const struct factor_charge_row row = factor_charge_row(w->rows, 0);
	enum err e;

	password_share(w->subject.owner_id.n ? w->subject.owner_id :
	    w->subject.id);
	e = backup_match(x, row.set_id, row.hash, w->code);
	if (e != E_OK)
		return e;
	w->kind = STR("backup");
	w->set_id = row.set_id;
	return E_OK;
}

/* STR_NONE: an application's subject, who gets no notices. */
static struct str
user_of(const struct trial *w)
{
	return w->subject.owner_id.n ? STR_NONE : w->subject.id;
}

/*
 * Audit the refusal; notify the user where it shows that somebody has the
 * password, or that the factor is refused from now on (row LG11).
 */
static enum err
refuse_factor(struct ctx *x, struct trial *w, const char *reason)
{
	bool guessed = w->challenge.n && w->challenge_tries >=
	    CHALLENGE_TRIES;
	bool locked = w->failures == LIMIT_FAILURES;
	struct str mails = STR_NONE;

	metric_add(METRIC_FACTOR_FAILURE);
	if (guessed || locked) /* a notice that fails changes no refusal */
		(void)factor_notice_user(x, user_of(w), locked ? "locked" :
		    "guessed", STR_NONE, &mails);
	(void)db_run(x->db, x->arena, SQL(factor_refused,
	    .subject_id = w->subject.id, .owner_id = w->subject.owner_id,
	    .reason = str_of(reason), .mails = mails, REQUESTER(x)), NULL);
	if (mails.n)
		mail_sent(x);
	return !w->capped ? E_FACTOR_INVALID : problem_say(x, E_LOCKED,
	    "Too many wrong codes; please use another way, for example a "
	    "backup code");
}

/* Charge, then compare. */
static enum err
try(struct ctx *x, const struct factor_try *t, struct trial *w)
{
	enum err e = read_try_code(x, t, w);

	if (e == E_OK)
		e = charge_factor(x, w);
	if (e != E_OK)
		return e;
	e = w->prefix.n ? compare_backup(x, w) : compare_digits(x, w);
	return e == E_FACTOR_INVALID ? refuse_factor(x, w, "wrong code") : e;
}

static struct str
amr_of(struct str kind)
{
	return str_eq(kind, STR("totp")) ? STR("otp") : kind;
}

static void
proved(struct ctx *x, const struct trial *w, struct uuid device,
    bool remembered, struct factor_proof *out)
{
	struct factors left;

	metric_add(METRIC_FACTOR_SUCCESS);
	*out = (struct factor_proof){ .method = w->kind,
		.backup_codes = -1 };
	if (remembered)
		out->device_token = token_make(x->arena, x->keys,
		    TOKEN_DEVICE, device, 0);
	if (w->set_id.n)
		mail_sent(x);
	if (w->set_id.n && factor_list(x, &w->subject, &left) == E_OK)
		out->backup_codes = left.backup_codes;
}

/* The notices about a login with a factor. */
struct told {
	struct str backup; /* a backup code was used (row BC5) */
	struct str place;  /* should it be a new one; guessed: in any case */
	bool guessed;
};

static enum err
tell_owner(struct ctx *x, const struct trial *w, struct told *out)
{
	struct addressee to;
	int64_t failures;
	enum err e = login_notice_addressee(x, w->subject.id, &to,
	    &failures);

	if (e != E_OK)
		return e;
	out->guessed = login_notice_guessed(x, failures);
	out->place = login_notice(x, &to, out->guessed ? failures : 0);
	out->backup = w->set_id.n ? factor_notice(x, &to, "backup",
	    STR_NONE) : STR_NONE;
	return E_OK;
}

static enum err
log_in(struct ctx *x, struct trial *w, const struct factor_try *t,
    struct factor_proof *proof, struct login *out)
{
	struct factor_login_row row;
	const struct config *c = x->config;
	struct str sid = uuid_text(x->arena, uuid_v7());
	struct uuid device = uuid_v7();
	struct told told;
	struct rows *r;
	enum err e = tell_owner(x, w, &told);

	if (e != E_OK)
		return e;
	e = db_run(x->db, x->arena, SQL(factor_login,
	    .challenge_id = w->challenge, .kind = w->kind,
	    .factor_id = w->factor_id, .step = w->has_step ? &w->step : NULL,
	    .code_id = w->code_id, .set_id = w->set_id, .prefix = w->prefix,
	    .session_id = sid, .idle = c->refresh_ttl, .life = c->session_max,
	    .amr = amr_of(w->kind), .sessions_max = LIMIT_SESSIONS,
	    .remember = t->remember, .device_id = uuid_text(x->arena, device),
	    .device_life = LOGIN_DEVICE_LIFE, .device_name = t->device_name,
	    .mails = told.backup, .network = limit_network(x),
	    .place_mails = told.place, .guessed = told.guessed, REQUESTER(x)),
	    &r);
	if (e != E_OK)
		return e;
	if (r->n == 0)
		return refuse_factor(x, w, "used before");
	row = factor_login_row(r, 0);
	*out = (struct login){ .account = account_of(row.account) };
	out->tokens = session_tokens(x, out->account.id, sid, 0);
	out->tokens->session_numeric_id = row.session_numeric_id;
	proved(x, w, device, row.remembered, proof);
	out->device_token = proof->device_token;
	return E_OK;
}

enum err
factor_verify_login(struct ctx *x, struct str challenge,
    const struct factor_try *t, struct factor_proof *proof,
    struct login *out)
{
	struct trial w = { .challenge = challenge,
		.bound = factor_send_bound(x->arena, challenge, STR_NONE) };
	enum err e = signing_ready(x);

	if (e == E_OK)
		e = try(x, t, &w);
	return e != E_OK ? e : log_in(x, &w, t, proof, out);
}

enum err
factor_verify(struct ctx *x, const struct subject *s,
    const struct session *session, const struct factor_try *t,
    struct factor_proof *proof)
{
	struct trial w = { .subject = *s, .bound = factor_send_bound(x->arena,
	    STR_NONE, session ? session->id : STR_NONE) };
	struct uuid device = uuid_v7();
	struct str mails = STR_NONE;
	struct rows *r;
	enum err e = try(x, t, &w);

	if (e == E_OK && w.set_id.n) /* row BC5 */
		e = factor_notice_user(x, user_of(&w), "backup", STR_NONE,
		    &mails);
	if (e != E_OK)
		return e;
	if (session)
		session_stale(x, session->id);
	e = db_run(x->db, x->arena, SQL(factor_verified, .subject_id = s->id,
	    .kind = w.kind, .factor_id = w.factor_id,
	    .step = w.has_step ? &w.step : NULL, .code_id = w.code_id,
	    .set_id = w.set_id, .prefix = w.prefix,
	    .session_id = session ? session->id : STR_NONE,
	    .user_id = s->user_id, .owner_id = s->owner_id,
	    .amr = amr_of(w.kind), .remember = t->remember,
	    .device_id = uuid_text(x->arena, device),
	    .device_life = LOGIN_DEVICE_LIFE, .device_name = t->device_name,
	    .mails = mails, REQUESTER(x)), &r);
	if (e != E_OK)
		return e;
	if (r->n == 0)
		return refuse_factor(x, &w, "used before");
	proved(x, &w, device, t->remember && s->user_id.n, proof);
	return E_OK;
}
