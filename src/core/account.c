#include "core/account.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/idempotency.h"
#include "core/mail.h"
#include "core/session.h"
#include "core/signing.h"
#include "crypto/password.h"
#include "crypto/token.h"

#define CODE_DIGITS 6
#define CODE_LIFE (600 * CLOCK_SECOND) /* contract: 10 min, 3 attempts */
#define CODE_ATTEMPTS 3
#define CODE_BUDGET 15 /* attempts an hour over all codes of an address (OT4) */
#define CODE_BUDGET_WINDOW (3600 * CLOCK_SECOND)
#define FLOOR (25 * CLOCK_MS) /* known and unknown take as long (LG3) */

struct account
account_cells(const struct rows *r, size_t row, int first)
{
	return (struct account){
		.id = row_str(r, row, first),
		.numeric_id = row_int(r, row, first + 1),
		.email = row_str(r, row, first + 2),
		.username = row_str(r, row, first + 3),
		.first_name = row_str(r, row, first + 4),
		.last_name = row_str(r, row, first + 5),
		.full_name = row_str(r, row, first + 6),
		.is_active = row_bool(r, row, first + 7),
		.is_verified = row_bool(r, row, first + 8),
		.two_factor_enabled = row_bool(r, row, first + 9),
		.roles = row_str(r, row, first + 10),
		.picture_url = row_str(r, row, first + 11),
		.cover_url = row_str(r, row, first + 12),
		.last_login_at = row_int(r, row, first + 13),
		.created_at = row_int(r, row, first + 14),
		.updated_at = row_int(r, row, first + 15),
	};
}

struct str
account_greeting(const struct account *a)
{
	if (a->full_name.n)
		return a->full_name;
	return a->first_name.n ? a->first_name : a->username;
}

/* A code, its row id and MAC, and the mail that carries it. */
struct code {
	struct str id;
	struct str mac;
	struct job_draft job;
};

static struct code
code_new(struct ctx *x, struct str to, struct str name)
{
	struct str digits = token_digits(x->arena, CODE_DIGITS);
	cJSON *vars = json_object();
	struct code c = { .id = uuid_text(x->arena, uuid_v7()) };

	c.mac = token_code_mac(x->arena, x->keys, c.id, "verify", digits);
	json_add_str(vars, "code", digits);
	json_add_int(vars, "minutes", CODE_LIFE / CLOCK_SECOND / 60);
	c.job = mail_draft(x, &(struct mail){ .template = "verify", .to = to,
	    .name = name, .vars = vars, .ttl = CODE_LIFE });
	return c;
}

static bool
policy_is(const struct ctx *x, const char *word)
{
	return strcmp(x->config->email_verification, word) == 0;
}

bool
account_unverified(const struct ctx *x, const struct account *a)
{
	return !a->is_verified && policy_is(x, "required");
}

struct str
account_full_name(struct ctx *x, const struct registration *r)
{
	if (r->full_name.n || (r->first_name.n == 0 && r->last_name.n == 0))
		return r->full_name;
	return str_trim(arena_fmt(x->arena, "%.*s %.*s",
	    STR_FMT(r->first_name), STR_FMT(r->last_name)));
}

static enum err
check_password(struct ctx *x, const struct registration *r)
{
	struct str context[] = { r->username, r->email,
		str_of(x->config->name) };

	x->sentence = password_policy(x->config, r->password, context, 3);
	x->field = "password";
	return x->sentence ? E_VALIDATION : E_OK;
}

/* Whose unique index said no? */
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
		.is_verified = policy_is(x, "off"),
		.roles = str_of(x->config->default_role),
	};
}

static enum err
insert(struct ctx *x, const struct registration *r, struct str hash,
    bool session, struct account *out, struct tokens **tokens)
{
	const struct config *c = x->config;
	bool off = policy_is(x, "off");
	struct str sid = session ? idempotency_id(x, 1) : STR_NONE;
	struct code code = { 0 };
	struct job_draft job;
	struct rows *rows;
	enum err e;

	registered(x, r, out);
	out->id = idempotency_id(x, 0);
	if (off) {
		job = mail_draft(x, &(struct mail){ .template = "welcome",
		    .to = r->email, .name = account_greeting(out),
		    .priority = 5 });
	} else {
		code = code_new(x, r->email, account_greeting(out));
		job = code.job;
	}
	e = db_exec(x->db, x->arena, Q_ACCOUNT_REGISTER, &rows,
	    A_STR(out->id), A_STR(r->email), A_STR(r->username), A_STR(hash),
	    A_STR(r->first_name), A_STR(r->last_name), A_STR(out->full_name),
	    A_TEXT(c->default_role), A_BOOL(off), A_STR(code.id),
	    A_BYTES(code.mac), A_INT(CODE_LIFE), A_INT(CODE_ATTEMPTS),
	    A_STR(sid), A_STR(x->client), A_STR(x->user_agent),
	    A_INT(c->refresh_ttl), A_INT(c->session_max), A_STR(job.id),
	    A_BYTES(job.sealed), off ? A_NULL : A_INT(CODE_LIFE),
	    A_STR(x->request_id));
	if (e != E_OK)
		return e == E_CONFLICT ? taken(x) : e;
	mail_sent(x);
	out->numeric_id = row_int(rows, 0, 0);
	out->created_at = out->updated_at = row_int(rows, 0, 1);
	if (session) {
		out->last_login_at = out->created_at;
		*tokens = session_tokens(x, out->id, sid, 0);
		(*tokens)->session_numeric_id = row_int(rows, 0, 2);
	}
	return E_OK;
}

/*
 * The address is there already and verification is required: the answer is
 * that of a new account; an unverified one is replaced (row LG7), the owner of
 * a verified one is told by mail (row LG3).
 */
static enum err
insert_again(struct ctx *x, const struct registration *r, struct str hash,
    struct account *out)
{
	struct code code = code_new(x, r->email, account_greeting(out));
	struct job_draft told;
	struct rows *rows, *would;
	enum err e = db_exec(x->db, x->arena, Q_ACCOUNT_PRETEND, &would,
	    A_STR(r->username));

	if (e != E_OK)
		return e;
	out->numeric_id = row_int(would, 0, 0);
	e = db_exec(x->db, x->arena, Q_ACCOUNT_REPLACE_UNVERIFIED,
	    &rows, A_STR(r->email), A_STR(r->username), A_STR(hash),
	    A_STR(r->first_name), A_STR(r->last_name), A_STR(out->full_name),
	    A_STR(code.id), A_BYTES(code.mac), A_INT(CODE_LIFE),
	    A_INT(CODE_ATTEMPTS), A_STR(code.job.id),
	    A_BYTES(code.job.sealed), A_INT(CODE_LIFE), A_STR(x->client),
	    A_STR(x->user_agent), A_STR(x->request_id));

	if (e != E_OK)
		return e == E_CONFLICT ? taken(x) : e;
	if (rows->n) {
		session_stale(x, row_str(rows, 0, 0));
		mail_sent(x);
		return E_OK;
	}
	if (row_bool(would, 0, 1))
		return E_USERNAME_TAKEN;
	told = mail_draft(x, &(struct mail){ .template = "already-registered",
	    .to = r->email, .name = r->email });
	e = db_exec(x->db, x->arena, Q_MAIL_ADD, NULL, A_STR(told.id),
	    A_BYTES(told.sealed), A_NULL, A_INT(1));
	if (e == E_OK)
		mail_sent(x);
	return e;
}

enum err
account_register(struct ctx *x, const struct registration *r,
    struct account *out, struct tokens **tokens)
{
	bool required = policy_is(x, "required");
	struct str hash;
	enum err e = check_password(x, r);

	*tokens = NULL;
	if (e == E_OK && !required)
		e = signing_ready(x);
	if (e == E_OK)
		e = password_hash(x->arena, r->password, &hash);
	if (e == E_OK)
		e = insert(x, r, hash, !required, out, tokens);
	if (e != E_EMAIL_TAKEN || !required)
		return e;
	/* A made-up id and number keep the answer's shape (row LG3). */
	registered(x, r, out);
	out->id = uuid_text(x->arena, uuid_v7());
	out->created_at = out->updated_at = clock_wall();
	return insert_again(x, r, hash, out);
}

/* Attempts are bounded over resends too (row OT4). */
static enum err
charge_codes(struct ctx *x, struct str email)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_ATTEMPT_CHARGE, &r,
	    A_STR(arena_fmt(x->arena, "verify:%.*s", STR_FMT(email))),
	    A_INT(CODE_BUDGET), A_INT(CODE_BUDGET_WINDOW), A_INT(0));

	if (e != E_OK || row_bool(r, 0, 0))
		return e;
	x->retry_after = (long)(row_int(r, 0, 2) / CLOCK_SECOND) + 1;
	return E_LIMITED;
}

enum err
account_verify_email(struct ctx *x, struct str email, struct str otp,
    struct account *out)
{
	struct rows *r;
	struct str mac, name;
	struct job_draft job;
	enum err e = charge_codes(x, email);

	if (e == E_OK)
		e = db_exec(x->db, x->arena, Q_CODE_FIND, &r, A_STR(email),
		    A_TEXT("verify"));
	if (e != E_OK)
		return e;
	if (r->n == 0 || row_null(r, 0, 0))
		return E_BAD_CODE;
	name = row_str(r, 0, 5);
	mac = token_code_mac(x->arena, x->keys, row_str(r, 0, 0), "verify",
	    otp);
	job = mail_draft(x, &(struct mail){ .template = "welcome",
	    .to = email, .name = name, .priority = 5 });
	session_stale(x, row_str(r, 0, 1));
	e = db_exec(x->db, x->arena, Q_ACCOUNT_VERIFY, &r,
	    A_STR(row_str(r, 0, 0)), A_BYTES(mac), A_STR(job.id),
	    A_BYTES(job.sealed), A_STR(x->client), A_STR(x->user_agent),
	    A_STR(x->request_id), A_TEXT(x->config->bootstrap_admin));
	if (e != E_OK)
		return e;
	if (r->n == 0 || !row_bool(r, 0, 0))
		return E_BAD_CODE;
	mail_sent(x);
	return account_find(x, row_str(r, 0, 1), out, NULL);
}

enum err
account_resend(struct ctx *x, struct str email)
{
	int64_t floor = clock_mono() + FLOOR;
	struct limit l = { .name = "resend", .whose = email, .max = 5,
		.window = CODE_BUDGET_WINDOW, .durable = true };
	struct rows *r;
	struct code c;
	enum err e = limit_take(x, &l);

	if (e == E_OK)
		e = limit_mail(x, email, true);
	if (e == E_OK)
		e = db_exec(x->db, x->arena, Q_CODE_FIND, &r, A_STR(email),
		    A_TEXT("verify"));
	if (e != E_OK)
		return e;
	if (r->n && !row_bool(r, 0, 2) && row_bool(r, 0, 3)) {
		c = code_new(x, email, row_str(r, 0, 5));
		e = db_exec(x->db, x->arena, Q_CODE_RENEW, NULL,
		    A_STR(row_str(r, 0, 1)), A_STR(c.id), A_BYTES(c.mac),
		    A_INT(CODE_LIFE), A_INT(CODE_ATTEMPTS), A_STR(c.job.id),
		    A_BYTES(c.job.sealed), A_TEXT("verify"));
		if (e == E_OK)
			mail_sent(x);
	}
	clock_hold(floor);
	return e;
}

enum err
account_update(struct ctx *x, struct str user_id,
    const struct registration *r, struct account *out)
{
	struct rows *rows;
	enum err e;

	session_stale(x, user_id);
	e = db_exec(x->db, x->arena, Q_ACCOUNT_UPDATE, &rows,
	    A_STR(user_id), A_STR(r->username), A_STR(r->first_name),
	    A_STR(r->last_name), A_STR(r->full_name), A_STR(x->client),
	    A_STR(x->user_agent), A_STR(x->request_id));
	if (e == E_CONFLICT)
		return taken(x);
	if (e == E_OK && rows->n == 0)
		return E_NOT_FOUND;
	return e == E_OK ? account_find(x, user_id, out, NULL) : e;
}

enum err
account_find(struct ctx *x, struct str user_id, struct account *out,
    struct str *hash)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_ACCOUNT_PROFILE, &r,
	    A_STR(user_id));

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_NOT_FOUND;
	*out = account_cells(r, 0, 0);
	if (hash)
		*hash = row_str(r, 0, 16);
	return E_OK;
}
