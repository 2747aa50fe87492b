#include "core/account/account_register.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/account/proof.h"
#include "core/idempotency.h"
#include "core/outgoing/mail.h"
#include "core/session/signing.h"
#include "crypto/password/password.h"
#include "crypto/token.h"

#define REGISTRATIONS_MAX 20 /* beside the first: mails a day (RL12) */
#define STRANGERS (86400 * CLOCK_SECOND) /* life of what anybody has mailed */

struct str
account_full_name(struct ctx *x, const struct registration *r)
{
	if (r->full_name.n || (r->first_name.n == 0 && r->last_name.n == 0))
		return r->full_name;
	return str_trim(arena_fmt(x->arena, "%.*s %.*s",
	    STR_FMT(r->first_name), STR_FMT(r->last_name)));
}

/* Which unique index refused the row? */
static enum err
taken(const struct ctx *x)
{
	return strcmp(db_constraint(x->db), "users_email_key") == 0 ?
	    E_EMAIL_TAKEN : E_USERNAME_TAKEN;
}

/* The registration as the answer shows it. */
static void
registered(struct ctx *x, const struct registration *r, struct account *out)
{
	*out = (struct account){
		.email = r->email, .username = r->username,
		.first_name = r->first_name, .last_name = r->last_name,
		.full_name = account_full_name(x, r), .is_active = true,
		.is_verified = account_verification_is(x, "off"),
		.roles = str_of(x->config->default_role),
	};
}

static enum err
insert(struct ctx *x, const struct registration *r, struct str hash,
    bool session, struct account *out, struct tokens **tokens)
{
	const struct config *c = x->config;
	bool off = account_verification_is(x, "off");
	struct str sid = session ? idempotency_id(x, 1) : STR_NONE;
	struct proof_code code = { 0 };
	struct account_register_row row;
	struct job_draft job;
	struct rows *rows;
	enum err e;

	registered(x, r, out);
	out->id = idempotency_id(x, 0);
	if (off)
		job = mail_draft(x, &(struct mail){ .template = "welcome",
		    .to = r->email, .priority = 5, .ttl = STRANGERS,
		    .unproved = true });
	else
		job = (code = proof_code(x, r->email, false)).job;
	e = db_run(x->db, x->arena, SQL(account_register, .id = out->id,
	    .email = r->email, .username = r->username, .password_hash = hash,
	    .first_name = r->first_name, .last_name = r->last_name,
	    .full_name = out->full_name, .role = str_of(c->default_role),
	    .verified = off, .code_id = code.id, .code_mac = code.mac,
	    .code_life = PROOF_CODE_LIFE, .code_attempts = PROOF_CODE_ATTEMPTS,
	    .session_id = sid, .idle = c->refresh_ttl, .life = c->session_max,
	    .mails = mail_batch(x, &job, 1), REQUESTER(x)), &rows);
	if (e != E_OK)
		return e == E_CONFLICT ? taken(x) : e;
	mail_sent(x);
	row = account_register_row(rows, 0);
	out->numeric_id = row.numeric_id;
	out->created_at = out->updated_at = row.created_at;
	if (session) {
		out->last_login_at = out->created_at;
		*tokens = session_tokens(x, out->id, sid, 0);
		(*tokens)->session_numeric_id = row.session_numeric_id;
	}
	return E_OK;
}

/* The owner of a verified account is told by mail (row LG3). */
static enum err
tell_owner(struct ctx *x, struct str email)
{
	struct job_draft told = mail_draft(x, &(struct mail){
	    .template = "already-registered", .to = email, .priority = 1,
	    .ttl = STRANGERS, .unproved = true });
	enum err e = db_run(x->db, x->arena, SQL(mail_add,
	    .mails = mail_batch(x, &told, 1)), NULL);

	if (e == E_OK)
		mail_sent(x);
	return e;
}

/*
 * The address exists already and verification is required: answer as for a new
 * account. For an unverified account this is another registration (row LG7),
 * with out->id.
 */
static enum err
insert_again(struct ctx *x, const struct registration *r, struct str hash,
    struct account *out)
{
	struct proof_code code = proof_code(x, r->email, false);
	struct account_pretend_row would;
	struct rows *rows;
	enum err e = db_run(x->db, x->arena, SQL(account_pretend,
	    .username = r->username, .email = r->email), &rows);

	if (e != E_OK)
		return e;
	would = account_pretend_row(rows, 0);
	out->numeric_id = would.last_number;
	if (would.name_is_anothers)
		return E_USERNAME_TAKEN;
	e = db_run(x->db, x->arena, SQL(account_register_again, .id = out->id,
	    .email = r->email, .username = r->username, .password_hash = hash,
	    .first_name = r->first_name, .last_name = r->last_name,
	    .full_name = out->full_name, .code_id = code.id,
	    .code_mac = code.mac, .code_life = PROOF_CODE_LIFE,
	    .code_attempts = PROOF_CODE_ATTEMPTS,
	    .mails = mail_batch(x, &code.job, 1),
	    .registrations_max = REGISTRATIONS_MAX, REQUESTER(x)), &rows);
	if (e == E_OK && rows->n) {
		mail_sent(x);
		return E_OK;
	}
	if (e == E_OK && would.name_is_taken)
		return E_USERNAME_TAKEN;
	return e == E_OK ? tell_owner(x, r->email) : e;
}

static enum err
register_one(struct ctx *x, const struct registration *r, struct str hash,
    struct account *out, struct tokens **tokens)
{
	bool required = account_verification_is(x, "required");
	enum err e = insert(x, r, hash, !required, out, tokens);

	if (e != E_EMAIL_TAKEN)
		return e;
	if (!required) {
		(void)db_run(x->db, x->arena, SQL(account_contest,
		    .email = r->email), NULL);
		return E_EMAIL_TAKEN;
	}
	/* A made-up number and time keep the answer's shape (row LG3). */
	out->created_at = out->updated_at = clock_wall();
	return insert_again(x, r, hash, out);
}

enum err
account_register(struct ctx *x, const struct registration *r,
    struct account *out, struct tokens **tokens)
{
	struct str hash;
	enum err e = account_check_password(x, "password", r->password,
	    r->username, r->email);

	*tokens = NULL;
	if (e == E_OK && !account_verification_is(x, "required"))
		e = signing_ready(x);
	if (e == E_OK)
		e = password_hash(x->arena, r->password, &hash);
	return e == E_OK ? register_one(x, r, hash, out, tokens) : e;
}

enum err
account_update(struct ctx *x, struct str user_id,
    const struct registration *r, struct account *out)
{
	struct rows *rows;
	enum err e;

	session_stale(x, user_id);
	e = db_run(x->db, x->arena, SQL(account_update, .user_id = user_id,
	    .username = r->username, .first_name = r->first_name,
	    .last_name = r->last_name, .full_name = r->full_name,
	    REQUESTER(x)), &rows);
	if (e == E_CONFLICT)
		return taken(x);
	if (e == E_OK && rows->n == 0)
		return E_NOT_FOUND;
	return e == E_OK ? account_find(x, user_id, out, NULL) : e;
}
