#include "core/account/proof.h"

#include "base/encoding.h"
#include "core/account/password_change.h"
#include "core/limit.h"
#include "core/outgoing/mail.h"
#include "core/problem.h"
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

/* A new code does not bring new attempts (row OT4). */
static enum err
charge_codes(struct ctx *x, struct str email)
{
	return limit_try(x, arena_fmt(x->arena, "verify:%.*s", STR_FMT(email)),
	    BUDGET, HOUR);
}

/* Which of the live codes is it? E_BAD_CODE: none, or no attempt is left. */
static enum err
match_code(struct ctx *x, const struct rows *live, struct str otp,
    struct str *id)
{
	cJSON *codes = json_array();
	struct rows *r;
	enum err e;

	for (size_t i = 0; i < live->n; i++) {
		struct proof_find_row row = proof_find_row(live, i);
		cJSON *o = json_object();

		if (row.code_id.p == NULL)
			break;
		json_add_str(o, "id", row.code_id);
		json_add_str(o, "mac", hex_encode(x->arena, token_code_mac(
		    x->arena, x->keys, row.code_id, "verify", otp)));
		json_push(codes, o);
	}
	e = db_run(x->db, x->arena, SQL(proof_charge,
	    .codes = json_print(x->arena, codes), REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		e = E_BAD_CODE;
	if (e != E_OK)
		return e;
	*id = proof_charge_row(r, 0).id;
	return id->p ? E_OK : E_BAD_CODE;
}

/*
 * The first registration made the account, while the address is the one it
 * gave.
 */
static enum err
find_by_token(struct ctx *x, const struct rows *live, struct str token,
    struct str *which)
{
	const struct proof_find_row row = proof_find_row(live, 0);
	struct uuid id;
	uint32_t generation;
	struct rows *r;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_VERIFY, token, &id,
	    &generation))
		return E_BAD_TOKEN;
	*which = uuid_text(x->arena, id);
	if (str_eq(*which, row.user_id))
		return row.is_first_address ? E_OK : E_BAD_TOKEN;
	e = db_run(x->db, x->arena, SQL(registration_list,
	    .user_id = row.user_id, .id = *which), &r);
	return e == E_OK && r->n == 0 ? E_BAD_TOKEN : e;
}

/* The password of the account, or of a later registration. */
static enum err
by_password(struct ctx *x, const struct rows *live, const struct proof *p,
    struct str *which)
{
	const struct session none = { .account = { .email = p->email } };
	struct str stored;
	struct rows *r;
	bool outdated;
	enum err e = login_prove(x, &none, p->password, &stored);

	*which = proof_find_row(live, 0).user_id;
	if (e != E_WRONG_PASSWORD)
		return e;
	e = db_run(x->db, x->arena, SQL(registration_list, .user_id = *which,
	    .id = STR_NONE), &r);
	if (e != E_OK)
		return e;
	e = E_WRONG_PASSWORD;
	for (size_t i = 0; i < r->n && e != E_OK; i++) {
		struct registration_list_row row = registration_list_row(r, i);

		e = password_verify(x->arena, p->password, row.password_hash,
		    &outdated);
		if (e == E_BUSY || e == E_UNAVAILABLE)
			return e;
		*which = row.id;
	}
	return e == E_OK ? E_OK : E_WRONG_PASSWORD;
}

/* Which registration is shown; STR_NONE: only the code is. */
static enum err
shown(struct ctx *x, const struct rows *live, const struct proof *p,
    struct str *which)
{
	*which = STR_NONE;
	if (p->token.n)
		return find_by_token(x, live, p->token, which);
	if (p->password.n)
		return by_password(x, live, p, which);
	if (str_eq(p->session_of, proof_find_row(live, 0).user_id))
		*which = p->session_of;
	return E_OK;
}

static enum err
confirm_proof(struct ctx *x, const struct rows *live, struct str email,
    struct str code, struct str which, struct rows **r)
{
	const struct proof_find_row row = proof_find_row(live, 0);
	bool named = !(which.n && !str_eq(which, row.user_id));
	struct job_draft welcome = mail_draft(x, &(struct mail){
	    .template = "welcome", .to = email, .priority = 5,
	    .name = named ? row.greeting : STR_NONE });
	struct str link = STR_NONE;
	struct job_draft set = password_set_mail(x, email, &link);
	enum err e;

	session_stale(x, row.user_id);
	e = db_run(x->db, x->arena, SQL(proof_confirm, .code_id = code,
	    .registration_id = which,
	    .admin_email = str_of(x->config->bootstrap_admin), .link_id = link,
	    .life = PASSWORD_LINK_LIFE,
	    .welcome_mails = mail_batch(x, &welcome, 1),
	    .link_mails = mail_batch(x, &set, 1), REQUESTER(x)), r);
	return e == E_OK && (*r)->n == 0 ? E_BAD_CODE : e;
}

enum err
proof_confirm(struct ctx *x, const struct proof *p, struct account *out,
    bool *without_password)
{
	struct proof_confirm_row row;
	struct rows *live, *r;
	struct str code, which;
	enum err e = charge_codes(x, p->email);

	if (e == E_OK)
		e = db_run(x->db, x->arena, SQL(proof_find, .email = p->email),
		    &live);
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
	row = proof_confirm_row(r, 0);
	*without_password = row.doubtful;
	return account_find(x, row.id, out, NULL);
}

enum err
proof_resend(struct ctx *x, struct str email)
{
	int64_t floor = clock_mono() + FLOOR;
	struct limit l = { .name = "resend", .whose = email, .max = 5,
		.window = HOUR, .durable = true };
	struct proof_find_row row = { 0 };
	struct rows *r;
	struct proof_code c;
	enum err e = limit_take(x, &l);

	if (e == E_OK)
		e = limit_mail(x, email, true);
	if (e == E_OK)
		e = db_run(x->db, x->arena, SQL(proof_find, .email = email),
		    &r);
	if (e != E_OK)
		return e;
	if (r->n)
		row = proof_find_row(r, 0);
	if (r->n && !row.is_verified && row.is_active) {
		c = proof_code(x, email, true);
		e = db_run(x->db, x->arena, SQL(code_renew,
		    .user_id = row.user_id, .code_id = c.id,
		    .code_mac = c.mac, .code_life = PROOF_CODE_LIFE,
		    .code_attempts = PROOF_CODE_ATTEMPTS, .job_id = c.job.id,
		    .job_payload = c.job.sealed, .purpose = STR("verify")),
		    NULL);
		if (e == E_OK)
			mail_sent(x);
	}
	clock_hold(floor);
	return e;
}
