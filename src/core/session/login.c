#include "core/session/login.h"

#include "base/clock.h"
#include "base/clock_text.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "core/factor/factor.h"
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
	const struct config *c = x->config;
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_LOGIN_BEGIN, &r,
	    A_STR(arena_lower(x->arena, str_trim(identifier))), A_STR(limit_network(x)),
	    A_INT(c->lock_attempts), A_INT(c->lock_window),
	    A_INT(c->lock_duration), A_STR(d->id), A_INT(d->generation));

	if (e != E_OK)
		return e;
	*b = (struct begun){
		.known = !row_null(r, 0, 0),
		.account = account_cells(r, 0, 0),
		.hash = row_str(r, 0, 16),
		.near_allowed = row_bool(r, 0, 17),
		.near_retry = row_int(r, 0, 18),
		.total_allowed = row_bool(r, 0, 19),
		.device = row_str(r, 0, 20),
		.bucket = row_str(r, 0, 21),
		.total = row_str(r, 0, 22),
		.must_reset = row_bool(r, 0, 23),
		.device_trusted = row_bool(r, 0, 24),
		.device_copied = row_bool(r, 0, 25),
		.failures = row_int(r, 0, 26),
		.owner.addresses = row_str(r, 0, 27),
		.owner.proved = row_bool(r, 0, 28),
	};
	b->owner.name = account_greeting(&b->account);
	return E_OK;
}

/* The refusal is written down whatever it was; its fate changes nothing. */
static enum err
refuse_login(struct ctx *x, const struct begun *b, enum err e)
{
	if (x->config->audit)
		(void)db_exec(x->db, x->arena, Q_LOGIN_REFUSED, NULL,
		    A_STR(b->account.id), A_TEXT(err_code(e)),
		    A_STR(x->client), A_STR(x->user_agent),
		    A_STR(x->request_id));
	return e;
}

/* No secret was found wrong: give the attempt back. */
static enum err
refund(struct ctx *x, const struct begun *b, enum err e)
{
	const struct config *c = x->config;
	const struct arg near[] = { A_STR(b->bucket), A_INT(c->lock_attempts),
		A_INT(c->lock_window) };
	const struct arg total[] = { A_STR(b->total), A_INT(100),
		A_INT(c->lock_window) };
	const struct statement steps[] = { SQL_AT(Q_ATTEMPT_REFUND, near, 3),
		SQL_AT(Q_ATTEMPT_REFUND, total, 3) };

	(void)db_batch(x->db, x->arena, steps, 2, NULL);
	return e;
}

static enum err
locked(struct ctx *x, const struct begun *b)
{
	x->retry_after = (long)(b->near_retry / CLOCK_SECOND) + 1;
	x->sentence = arena_fmt(x->arena, "Too many failed attempts. "
	    "Please try again in %s",
	    clock_go_duration(x->arena, x->retry_after * CLOCK_SECOND).p).p;
	if (b->near_allowed) {
		x->retry_after = 0;
		x->sentence = "Too many failed attempts. Please reset your "
		    "password by e-mail";
	}
	return refuse_login(x, b, E_LOCKED);
}

/* What a session may try when the total is spent. */
static bool
session_may(struct ctx *x, struct str session, const struct begun *b)
{
	const struct config *c = x->config;
	struct str bucket = arena_fmt(x->arena, "login:%.*s:s%.*s",
	    STR_FMT(b->account.id), STR_FMT(session));
	struct rows *r;

	return session.n && db_exec(x->db, x->arena, Q_ATTEMPT_CHARGE, &r,
	    A_STR(bucket), A_INT(c->lock_attempts), A_INT(c->lock_window),
	    A_INT(c->lock_duration)) == E_OK && row_bool(r, 0, 0);
}

/*
 * Failures of all the world lock a login from everywhere but what the owner
 * has already: a device that is known, a session. These have their own budget.
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

/* Today's hash of the password, or STR_NONE: a login never fails for it. */
static struct str
renewed(struct ctx *x, struct str password, bool outdated)
{
	struct str hash = STR_NONE;

	if (!outdated || password_hash(x->arena, password, &hash) != E_OK)
		return STR_NONE;
	return hash;
}

/*
 * An old token of a device after a newer one was used is a copy: the device is
 * known no more, and its owner is told (row TD4).
 */
static void
forget_copied(struct ctx *x, struct begun *b)
{
	struct str mails;

	if (!b->device_copied)
		return;
	mails = factor_notice(x, &b->owner, "device", STR_NONE);
	if (db_exec(x->db, x->arena, Q_DEVICE_COPIED, NULL,
	    A_STR(b->account.id), A_STR(b->device), A_STR(mails),
	    A_STR(x->client), A_STR(x->user_agent),
	    A_STR(x->request_id)) == E_OK)
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
	e = db_exec(x->db, x->arena, Q_LOGIN_FINISH, &r,
	    A_STR(b->account.id), A_STR(sid), A_STR(x->client),
	    A_STR(x->user_agent), A_INT(c->refresh_ttl),
	    A_INT(c->session_max), A_STR(b->bucket), A_STR(b->total), A_NULL,
	    A_STR(renewed(x, in->password, outdated)),
	    A_INT(LIMIT_SESSIONS), A_STR(x->request_id), A_STR(did),
	    A_INT(LOGIN_DEVICE_LIFE), A_TEXT("pwd"), A_STR(b->hash),
	    A_INT(claim->generation), A_STR(in->device_name),
	    A_STR(limit_network(x)), A_STR(mails),
	    A_BOOL(b->account.two_factor_enabled), A_BOOL(guessed));
	if (e != E_OK)
		return e;
	/* Password or factor changed while we compared the old one. */
	if (r->n == 0)
		return refuse_login(x, b, E_CREDENTIALS);
	*out = (struct login){ .account = b->account,
		.tokens = session_tokens(x, b->account.id, sid, 0) };
	out->account.last_login_at = clock_wall();
	out->tokens->session_numeric_id = row_int(r, 0, 0);
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
