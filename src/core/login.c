#include "core/login.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "core/signing.h"
#include "crypto/password.h"
#include "crypto/token.h"

#define DEVICE_LIFE (30 * 86400 * CLOCK_SECOND) /* row TD1 */

/* What login_begin found and charged. */
struct begun {
	bool known;
	struct account account;
	struct str hash;
	bool near_allowed;
	int64_t near_retry;
	bool total_allowed;
	struct str device;
	struct str bucket;
	struct str total;
	bool must_reset;
};

static struct str
lower(struct arena *a, struct str s)
{
	struct str copy = arena_str(a, str_trim(s));
	char *p = arena_alloc(a, copy.n + 1);

	for (size_t i = 0; i < copy.n; i++) {
		char c = copy.p[i];

		p[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return (struct str){ p, copy.n };
}

/* The id of the device a token names, or STR_NONE. */
static struct str
device_of(struct ctx *x, struct str token)
{
	struct uuid id;
	uint32_t generation;

	if (token.n == 0 || !token_open(x->arena, x->keys, TOKEN_DEVICE,
	    token, &id, &generation))
		return STR_NONE;
	return uuid_text(x->arena, id);
}

static enum err
begin(struct ctx *x, struct str identifier, struct str device,
    struct begun *b)
{
	const struct config *c = x->config;
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_LOGIN_BEGIN, &r,
	    A_STR(lower(x->arena, identifier)), A_STR(limit_network(x)),
	    A_INT(c->lock_attempts), A_INT(c->lock_window),
	    A_INT(c->lock_duration), A_STR(device));

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
	};
	return E_OK;
}

/* The refusal is written down whatever it was; its fate changes nothing. */
static enum err
refuse(struct ctx *x, const struct begun *b, enum err e)
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
	const struct db_step steps[] = { { Q_ATTEMPT_REFUND, near, 3 },
		{ Q_ATTEMPT_REFUND, total, 3 } };

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
	return refuse(x, b, E_LOCKED);
}

/* Charge, then compare; *b is valid with E_OK. */
static enum err
authenticate(struct ctx *x, struct str identifier, struct str password,
    struct str device, struct begun *b, bool *outdated)
{
	enum err e;

	if (password_busy())
		return E_BUSY;
	e = begin(x, identifier, device, b);
	if (e != E_OK)
		return e;
	if (!b->near_allowed || !b->total_allowed)
		return locked(x, b);
	e = password_verify(x->arena, password, b->hash, outdated);
	if (e == E_BUSY || e == E_UNAVAILABLE)
		return refund(x, b, e);
	return e == E_OK ? E_OK : refuse(x, b, E_CREDENTIALS);
}

/* The specific reason, only after the secret was proved (row LG4). */
static enum err
admissible(struct ctx *x, const struct begun *b)
{
	enum err e = E_OK;

	if (!b->account.is_active)
		e = E_ACCOUNT_DISABLED;
	else if (b->must_reset)
		e = E_RESET_REQUIRED;
	else if (!b->account.is_verified &&
	    strcmp(x->config->email_verification, "required") == 0)
		e = E_EMAIL_NOT_VERIFIED;
	else if (b->account.two_factor_enabled)
		e = E_ENROLMENT_REQUIRED; /* no road around a factor (LG8) */
	return e == E_OK ? E_OK : refund(x, b, refuse(x, b, e));
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

enum err
login(struct ctx *x, const struct credentials *in, struct login *out)
{
	const struct config *c = x->config;
	struct str sid = uuid_text(x->arena, uuid_v7());
	struct uuid device = uuid_v7();
	bool outdated = false;
	struct begun b;
	struct str did;
	struct rows *r;
	enum err e = signing_ready(x);

	if (e == E_OK)
		e = authenticate(x, in->identifier, in->password,
		    device_of(x, in->device_token), &b, &outdated);
	if (e == E_OK)
		e = admissible(x, &b);
	if (e != E_OK)
		return e;
	did = b.device;
	if (did.n == 0 && in->remember_device)
		did = uuid_text(x->arena, device);
	e = db_exec(x->db, x->arena, Q_LOGIN_FINISH, &r,
	    A_STR(b.account.id), A_STR(sid), A_STR(x->client),
	    A_STR(x->user_agent), A_INT(c->refresh_ttl),
	    A_INT(c->session_max), A_STR(b.bucket), A_STR(b.total), A_NULL,
	    A_STR(renewed(x, in->password, outdated)),
	    A_INT(LIMIT_SESSIONS), A_STR(x->request_id), A_STR(did),
	    A_INT(DEVICE_LIFE), A_TEXT("pwd"), A_STR(b.hash));
	if (e != E_OK)
		return e;
	/* The password changed while we compared the old one. */
	if (r->n == 0)
		return refuse(x, &b, E_CREDENTIALS);
	*out = (struct login){ .account = b.account,
		.tokens = session_tokens(x, b.account.id, sid, 0) };
	out->account.last_login_at = clock_wall();
	out->tokens->session_numeric_id = row_int(r, 0, 0);
	if (did.n && in->remember_device && b.device.n == 0)
		out->device_token = token_make(x->arena, x->keys,
		    TOKEN_DEVICE, device, 0);
	return E_OK;
}

enum err
login_prove(struct ctx *x, const struct account *a, struct str password,
    struct str *stored)
{
	bool outdated;
	struct begun b;
	enum err e = authenticate(x, a->email, password, STR_NONE, &b,
	    &outdated);

	if (e == E_CREDENTIALS)
		return E_WRONG_PASSWORD;
	if (e == E_OK)
		refund(x, &b, E_OK);
	*stored = b.hash;
	return e;
}
