#include "core/session/login.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "core/factor/factor.h"
#include "core/problem.h"
#include "core/session/login_notice.h"
#include "core/session/signing.h"
#include "crypto/password/password.h"
#include "crypto/token.h"

/* What login_begin found and charged. */
struct begun {
	bool known;
	struct account account;
	struct str hash;
	bool near_allowed;
	int64_t near_retry;
	bool total_allowed;
	struct str device;   /* id of a known one */
	bool device_trusted; /* it was proved by a factor */
	bool device_copied;  /* its token is older than its last one */
	struct str bucket;
	struct str total;
	bool must_reset;
	int64_t failures; /* since the last login, from anywhere */
	struct addressee owner;
};

/* What a device token says, or whose session asks. */
struct device_claim {
	struct str id; /* STR_NONE: nothing */
	struct uuid uuid;
	uint32_t generation;
	struct str session; /* STR_NONE: a login */
};

static struct device_claim
device_of(struct ctx *x, struct str token)
{
	struct device_claim d = { 0 };

	if (token.n && token_open(x->arena, x->keys, TOKEN_DEVICE, token,
	    &d.uuid, &d.generation))
		d.id = uuid_text(x->arena, d.uuid);
	return d;
}

static enum err
find_and_charge(struct ctx *x, struct str identifier,
    const struct device_claim *d,
    struct begun *b)
{
	struct login_begin_row row;
	const struct config *c = x->config;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(login_begin,
	    .identifier = arena_lower(x->arena, str_trim(identifier)),
	    .whence = limit_network(x), .limit = c->lock_attempts,
	    .failures_max = LIMIT_FAILURES, .window = c->lock_window,
	    .lock = c->lock_duration, .device_id = d->id,
	    .generation = d->generation), &r);

	if (e != E_OK)
		return e;
	row = login_begin_row(r, 0);
	*b = (struct begun){
		.known = row.account.id.p != NULL,
		.account = account_of(row.account),
		.hash = row.password_hash,
		.near_allowed = row.near_allowed,
		.near_retry = row.near_retry,
		.total_allowed = row.total_allowed,
		.device = row.device_id,
		.bucket = row.bucket,
		.total = row.total,
		.must_reset = row.must_reset,
		.device_trusted = row.device_trusted,
		.device_copied = row.device_copied,
		.failures = row.failures,
		.owner.addresses = row.addresses,
		.owner.proved = row.is_proved,
	};
	b->owner.name = account_greeting(&b->account);
	return E_OK;
}

/* Audit the refusal; a failure to write changes nothing. */
static enum err
refuse_login(struct ctx *x, const struct begun *b, enum err e)
{
	if (x->config->audit)
		(void)db_run(x->db, x->arena, SQL(login_refused,
		    .user_id = b->account.id, .reason = str_of(err_code(e)),
		    REQUESTER(x)), NULL);
	return e;
}

/* No secret was found wrong: give the attempt back. */
static enum err
refund(struct ctx *x, const struct begun *b, enum err e)
{
	const struct config *c = x->config;
	const struct statement steps[] = {
		SQL(attempt_refund, .bucket = b->bucket,
		    .limit = c->lock_attempts, .window = c->lock_window),
		SQL(attempt_refund, .bucket = b->total,
		    .limit = LIMIT_FAILURES, .window = c->lock_window) };

	(void)db_batch(x->db, x->arena, steps, 2, NULL);
	return e;
}

static enum err
locked(struct ctx *x, const struct begun *b)
{
	refuse_login(x, b, E_LOCKED);
	if (b->near_allowed)
		return problem_say(x, E_LOCKED, "Too many failed attempts. "
		    "Please reset your password by e-mail");
	return problem_wait(x, E_LOCKED, b->near_retry,
	    "Too many failed attempts.");
}

/* Has this session tries left, now that the total is used up? */
static bool
session_may(struct ctx *x, struct str session, const struct begun *b)
{
	const struct config *c = x->config;
	struct str bucket = arena_fmt(x->arena, "login:%.*s:s%.*s",
	    STR_FMT(b->account.id), STR_FMT(session));
	struct rows *r;

	return session.n && db_run(x->db, x->arena, SQL(attempt_charge,
	    .bucket = bucket, .limit = c->lock_attempts,
	    .window = c->lock_window, .lock = c->lock_duration), &r) == E_OK &&
	    charge_row(r, 0).allowed;
}

/*
 * Failures from anywhere lock the login everywhere, except for a known device
 * or a session, which the owner already has. These have budgets of their own.
 */
static bool
login_allowed(struct ctx *x, const struct device_claim *d,
    const struct begun *b)
{
	bool known = b->device.n && !b->device_copied;

	return b->near_allowed && (b->total_allowed || known ||
	    session_may(x, d->session, b));
}

/* Charge, then compare; *b is valid with E_OK. */
static enum err
authenticate(struct ctx *x, struct str identifier, struct str password,
    const struct device_claim *device, struct begun *b, bool *outdated)
{
	enum err e;

	if (password_busy())
		return E_BUSY;
	e = find_and_charge(x, identifier, device, b);
	if (e != E_OK)
		return e;
	if (!login_allowed(x, device, b))
		return locked(x, b);
	e = password_verify(x->arena, password, b->hash, outdated);
	if (e == E_BUSY || e == E_UNAVAILABLE)
		return refund(x, b, e);
	metric_pair(METRIC_PASSWORD_SUCCESS, e == E_OK);
	return e == E_OK ? E_OK : refuse_login(x, b, E_CREDENTIALS);
}

/* The specific reason, only after the secret was proved (row LG4). */
static enum err
check_account_state(struct ctx *x, const struct begun *b)
{
	enum err e = E_OK;

	if (!b->account.is_active)
		e = E_ACCOUNT_DISABLED;
	else if (b->must_reset)
		e = E_RESET_REQUIRED;
	else if (account_unverified(x, &b->account))
		e = E_EMAIL_NOT_VERIFIED;
	return e == E_OK ? E_OK : refund(x, b, refuse_login(x, b, e));
}

/*
 * The password hashed by today's settings, or STR_NONE: a login never fails
 * because of it.
 */
static struct str
renewed(struct ctx *x, struct str password, bool outdated)
{
	struct str hash = STR_NONE;

	if (!outdated || password_hash(x->arena, password, &hash) != E_OK)
		return STR_NONE;
	return hash;
}

/*
 * An old token of a device, after a newer one was used, is a copy: forget the
 * device and notify its owner (row TD4).
 */
static void
forget_copied(struct ctx *x, struct begun *b)
{
	struct str mails;

	if (!b->device_copied)
		return;
	mails = factor_notice(x, &b->owner, "device", STR_NONE);
	if (db_run(x->db, x->arena, SQL(device_copied,
	    .user_id = b->account.id, .device_id = b->device, .mails = mails,
	    REQUESTER(x)), NULL) == E_OK)
		mail_sent(x);
	b->device = STR_NONE;
	b->device_trusted = false;
}

/* A trusted device skips the factor, of administrators never (row TD2). */
static bool
needs_factor(const struct begun *b)
{
	return b->account.two_factor_enabled && !(b->device_trusted &&
	    !subject_is_admin(b->account.roles));
}

static enum err
challenge_login(struct ctx *x, const struct credentials *in, struct begun *b,
    bool outdated, struct login *out)
{
	const struct challenge_proof p = { .amr = "pwd",
		.verified_hash = b->hash,
		.new_hash = renewed(x, in->password, outdated),
		.bucket = b->bucket, .total = b->total,
		.remember = in->remember_device,
		.device_name = in->device_name };
	struct challenge *c = ARENA_NEW(x->arena, struct challenge);
	enum err e = challenge_new(x, &b->account, &p, c);

	if (e == E_CREDENTIALS)
		return refuse_login(x, b, e);
	*out = (struct login){ .account = b->account, .challenge = c };
	return refund(x, b, e);
}

static enum err
finish_login(struct ctx *x, const struct credentials *in, struct begun *b,
    const struct device_claim *claim, bool outdated, struct login *out)
{
	const struct config *c = x->config;
	struct str sid = uuid_text(x->arena, uuid_v7());
	bool named = b->device.n > 0, fresh = !named && in->remember_device;
	struct uuid device = named ? claim->uuid : uuid_v7();
	uint32_t next = named ? claim->generation + 1 : 0;
	struct str did = named || fresh ? uuid_text(x->arena, device) :
	    STR_NONE;
	bool guessed = login_notice_guessed(x, b->failures);
	struct str mails = STR_NONE;
	struct rows *r;
	enum err e;

	if (!named || guessed)
		mails = login_notice(x, &b->owner, guessed ? b->failures : 0);
	e = db_run(x->db, x->arena, SQL(login_finish,
	    .user_id = b->account.id, .session_id = sid,
	    .idle = c->refresh_ttl, .life = c->session_max, .amr = STR("pwd"),
	    .sessions_max = LIMIT_SESSIONS, .bucket = b->bucket,
	    .total = b->total, .verified_hash = b->hash,
	    .new_hash = renewed(x, in->password, outdated),
	    .two_factor_enabled = b->account.two_factor_enabled,
	    .device_id = did, .device_life = LOGIN_DEVICE_LIFE,
	    .device_generation = claim->generation,
	    .device_name = in->device_name, .network = limit_network(x),
	    .mails = mails, .guessed = guessed, REQUESTER(x)), &r);
	if (e != E_OK)
		return e;
	/* Password or factor changed while we compared the old one. */
	if (r->n == 0)
		return refuse_login(x, b, E_CREDENTIALS);
	*out = (struct login){ .account = b->account,
		.tokens = session_tokens(x, b->account.id, sid, 0) };
	out->account.last_login_at = clock_wall();
	out->tokens->session_numeric_id =
	    login_finish_row(r, 0).session_numeric_id;
	if (did.n)
		out->device_token = token_make(x->arena, x->keys,
		    TOKEN_DEVICE, device, next);
	return E_OK;
}

enum err
login(struct ctx *x, const struct credentials *in, struct login *out)
{
	const struct device_claim d = device_of(x, in->device_token);
	bool outdated = false;
	struct begun b;
	enum err e = signing_ready(x);

	if (e == E_OK)
		e = authenticate(x, in->identifier, in->password, &d, &b,
		    &outdated);
	if (e == E_OK)
		e = check_account_state(x, &b);
	if (e != E_OK)
		return e;
	forget_copied(x, &b);
	return needs_factor(&b) ? challenge_login(x, in, &b, outdated, out) :
	    finish_login(x, in, &b, &d, outdated, out);
}

enum err
login_prove(struct ctx *x, const struct session *s, struct str password,
    struct str *stored)
{
	const struct device_claim own = { .session = s->id };
	bool outdated;
	struct begun b;
	enum err e = authenticate(x, s->account.email, password, &own, &b,
	    &outdated);

	if (e == E_CREDENTIALS)
		return E_WRONG_PASSWORD;
	if (e == E_OK)
		refund(x, &b, E_OK);
	*stored = b.hash;
	return e;
}
