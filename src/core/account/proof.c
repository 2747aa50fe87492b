#include "core/account/proof.h"

#include "base/encoding.h"
#include "core/account/password_change.h"
#include "core/limit.h"
#include "core/outgoing/mail.h"
#include "core/session/login.h"
#include "crypto/password/password.h"
#include "crypto/token.h"

#define CODE_DIGITS 6
#define BUDGET 15 /* attempts an hour over all codes of an address (OT4) */
#define HOUR (3600 * CLOCK_SECOND)
#define FLOOR (25 * CLOCK_MS) /* known and unknown take as long (LG3) */

struct proof_code
proof_code(struct ctx *x, struct str to, bool counted)
{
	struct str digits = token_digits(x->arena, CODE_DIGITS);
	cJSON *vars = json_object();
	struct proof_code c = { .id = uuid_text(x->arena, uuid_v7()) };

	c.mac = token_code_mac(x->arena, x->keys, c.id, "verify", digits);
	json_add_str(vars, "code", digits);
	json_add_int(vars, "minutes", PROOF_CODE_LIFE / CLOCK_SECOND / 60);
	c.job = mail_draft(x, &(struct mail){ .template = "verify", .to = to,
	    .vars = vars, .ttl = PROOF_CODE_LIFE, .unproved = true,
	    .counted = counted });
	return c;
}

struct str
proof_token(struct ctx *x, struct str registration)
{
	struct uuid id;

	return uuid_parse(registration, &id) ?
	    token_make(x->arena, x->keys, TOKEN_VERIFY, id, 0) : STR_NONE;
}

/* Attempts are bounded over resends too (row OT4). */
static enum err
charge_codes(struct ctx *x, struct str email)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_ATTEMPT_CHARGE, &r,
	    A_STR(arena_fmt(x->arena, "verify:%.*s", STR_FMT(email))),
	    A_INT(BUDGET), A_INT(HOUR), A_INT(0));

	if (e != E_OK || row_bool(r, 0, 0))
		return e;
	x->retry_after = (long)(row_int(r, 0, 2) / CLOCK_SECOND) + 1;
	return E_LIMITED;
}

/* Which of the live codes is it? E_BAD_CODE: none, or no attempt is left. */
static enum err
match_code(struct ctx *x, const struct rows *live, struct str otp,
    struct str *id)
{
	cJSON *codes = json_array();
	struct rows *r;
	enum err e;

	for (size_t i = 0; i < live->n && !row_null(live, i, 5); i++) {
		cJSON *o = json_object();

		json_add_str(o, "id", row_str(live, i, 5));
		json_add_str(o, "mac", hex_encode(x->arena, token_code_mac(
		    x->arena, x->keys, row_str(live, i, 5), "verify", otp)));
		json_push(codes, o);
	}
	e = db_exec(x->db, x->arena, Q_PROOF_CHARGE, &r,
	    A_STR(json_print(x->arena, codes)), A_STR(x->client),
	    A_STR(x->user_agent), A_STR(x->request_id));
	if (e == E_OK && (r->n == 0 || row_null(r, 0, 0)))
		e = E_BAD_CODE;
	if (e == E_OK)
		*id = row_str(r, 0, 0);
	return e;
}

/* The first registration is the account's own while its address is the one. */
static enum err
find_by_token(struct ctx *x, const struct rows *live, struct str token,
    struct str *which)
{
	struct uuid id;
	uint32_t generation;
	struct rows *r;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_VERIFY, token, &id,
	    &generation))
		return E_BAD_TOKEN;
	*which = uuid_text(x->arena, id);
	if (str_eq(*which, row_str(live, 0, 0)))
		return row_bool(live, 0, 4) ? E_OK : E_BAD_TOKEN;
	e = db_exec(x->db, x->arena, Q_REGISTRATION_LIST, &r,
	    A_STR(row_str(live, 0, 0)), A_STR(*which));
	return e == E_OK && r->n == 0 ? E_BAD_TOKEN : e;
}

/* The account's own, or that of a later registration. */
static enum err
by_password(struct ctx *x, const struct rows *live, const struct proof *p,
    struct str *which)
{
	const struct session none = { .account = { .email = p->email } };
	struct str stored;
	struct rows *r;
	bool outdated;
	enum err e = login_prove(x, &none, p->password, &stored);

	*which = row_str(live, 0, 0);
	if (e != E_WRONG_PASSWORD)
		return e;
	e = db_exec(x->db, x->arena, Q_REGISTRATION_LIST, &r, A_STR(*which),
	    A_NULL);
	if (e != E_OK)
		return e;
	e = E_WRONG_PASSWORD;
	for (size_t i = 0; i < r->n && e != E_OK; i++) {
		e = password_verify(x->arena, p->password, row_str(r, i, 1),
		    &outdated);
		if (e == E_BUSY || e == E_UNAVAILABLE)
			return e;
		*which = row_str(r, i, 0);
	}
	return e == E_OK ? E_OK : E_WRONG_PASSWORD;
}

/* Whose registration is shown; STR_NONE: the code alone. */
static enum err
shown(struct ctx *x, const struct rows *live, const struct proof *p,
    struct str *which)
{
	*which = STR_NONE;
	if (p->token.n)
		return find_by_token(x, live, p->token, which);
	if (p->password.n)
		return by_password(x, live, p, which);
	if (str_eq(p->session_of, row_str(live, 0, 0)))
		*which = p->session_of;
	return E_OK;
}

static enum err
confirm_proof(struct ctx *x, const struct rows *live, struct str email,
    struct str code, struct str which, struct rows **r)
{
	bool named = !(which.n && !str_eq(which, row_str(live, 0, 0)));
	struct job_draft welcome = mail_draft(x, &(struct mail){
	    .template = "welcome", .to = email, .priority = 5,
	    .name = named ? row_str(live, 0, 3) : STR_NONE });
	struct str link = STR_NONE;
	struct job_draft set = password_set_mail(x, email, &link);
	enum err e;

	session_stale(x, row_str(live, 0, 0));
	e = db_exec(x->db, x->arena, Q_PROOF_CONFIRM, r, A_STR(code),
	    A_STR(which), A_TEXT(x->config->bootstrap_admin), A_STR(link),
	    A_INT(PASSWORD_LINK_LIFE), A_STR(mail_batch(x, &welcome, 1)),
	    A_STR(mail_batch(x, &set, 1)), A_STR(x->client),
	    A_STR(x->user_agent), A_STR(x->request_id));
	return e == E_OK && (*r)->n == 0 ? E_BAD_CODE : e;
}

enum err
proof_confirm(struct ctx *x, const struct proof *p, struct account *out,
    bool *without_password)
{
	struct rows *live, *r;
	struct str code, which;
	enum err e = charge_codes(x, p->email);

	if (e == E_OK)
		e = db_exec(x->db, x->arena, Q_PROOF_FIND, &live,
		    A_STR(p->email));
	if (e == E_OK && live->n == 0)
		e = E_BAD_CODE;
	if (e == E_OK)
		e = match_code(x, live, p->otp, &code);
	if (e == E_OK)
		e = shown(x, live, p, &which);
	if (e == E_OK)
		e = confirm_proof(x, live, p->email, code, which, &r);
	if (e != E_OK)
		return e;
	mail_sent(x);
	*without_password = row_bool(r, 0, 1);
	return account_find(x, row_str(r, 0, 0), out, NULL);
}

enum err
proof_resend(struct ctx *x, struct str email)
{
	int64_t floor = clock_mono() + FLOOR;
	struct limit l = { .name = "resend", .whose = email, .max = 5,
		.window = HOUR, .durable = true };
	struct rows *r;
	struct proof_code c;
	enum err e = limit_take(x, &l);

	if (e == E_OK)
		e = limit_mail(x, email, true);
	if (e == E_OK)
		e = db_exec(x->db, x->arena, Q_PROOF_FIND, &r, A_STR(email));
	if (e != E_OK)
		return e;
	if (r->n && !row_bool(r, 0, 1) && row_bool(r, 0, 2)) {
		c = proof_code(x, email, true);
		e = db_exec(x->db, x->arena, Q_CODE_RENEW, NULL,
		    A_STR(row_str(r, 0, 0)), A_STR(c.id), A_BYTES(c.mac),
		    A_INT(PROOF_CODE_LIFE), A_INT(PROOF_CODE_ATTEMPTS),
		    A_STR(c.job.id), A_BYTES(c.job.sealed), A_TEXT("verify"));
		if (e == E_OK)
			mail_sent(x);
	}
	clock_hold(floor);
	return e;
}
