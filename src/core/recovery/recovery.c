#include "core/recovery/recovery.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/account/password_history.h"
#include "core/factor/factor_send.h"
#include "core/factor/factor_verify.h"
#include "core/outgoing/mail.h"
#include "core/problem.h"
#include "core/recovery/recovery_method.h"
#include "crypto/password/password.h"
#include "crypto/token.h"

#define LIFE (600 * CLOCK_SECOND)
#define FLOOR (40 * CLOCK_MS)
#define PER_HOUR 5
#define DAY (86400 * CLOCK_SECOND)

static enum err
limit_recovery(struct ctx *x, const char *name, struct str whose, long max)
{
	struct limit l = { .name = name, .whose = whose, .max = max,
		.window = 3600 * CLOCK_SECOND, .durable = true };

	return limit_take(x, &l);
}

static cJSON *
code_json(struct ctx *x, const struct recovery_code *c, struct str to)
{
	cJSON *o = json_object();

	json_add_str(o, "id", c->id);
	json_add_str(o, "destination", to);
	json_add_str(o, "mac", hex_encode(x->arena, c->mac));
	return o;
}

/* A code to each method; one past its budget gets none. */
static enum err
send_codes(struct ctx *x, const struct rows *r, struct uuid id)
{
	struct job_draft jobs[MAIL_ADDRESSES];
	cJSON *codes = json_array();
	struct recovery_code c;
	size_t n = 0;
	enum err e;

	for (size_t i = 0; i < r->n && n < MAIL_ADDRESSES; i++) {
		struct recovery_begin_row row = recovery_begin_row(r, i);

		e = recovery_code_make(x, row.user_id, row.greeting,
		    true, row.type, row.value, &c);
		if (e == E_LIMITED)
			continue;
		if (e != E_OK)
			return e;
		jobs[n++] = c.job;
		json_push(codes, code_json(x, &c, row.value));
	}
	if (n == 0) /* and the one before goes on */
		return E_OK;
	e = db_run(x->db, x->arena, SQL(recovery_start,
	    .recovery_id = uuid_text(x->arena, id),
	    .user_id = recovery_begin_row(r, 0).user_id, .life = LIFE,
	    .codes = json_print(x->arena, codes),
	    .mails = mail_batch(x, jobs, n), REQUESTER(x)), NULL);
	if (e == E_OK)
		mail_sent(x);
	return e;
}

enum err
recovery_start(struct ctx *x, struct str identifier, struct str method,
    struct str *challenge)
{
	int64_t floor = clock_mono() + FLOOR;
	struct str who = arena_lower(x->arena, str_trim(identifier));
	struct uuid id = uuid_v7();
	struct rows *r;
	enum err e = limit_recovery(x, "recovery", limit_network(x),
	    2 * PER_HOUR);

	if (e == E_OK)
		e = limit_recovery(x, "recovery_of", who, PER_HOUR);
	if (e == E_OK)
		e = db_run(x->db, x->arena, SQL(recovery_begin,
		    .identifier = who, .any_type = method,
		    .failures_max = LIMIT_FAILURES), &r);
	if (e == E_OK && r->n)
		e = send_codes(x, r, id);
	*challenge = token_make(x->arena, x->keys, TOKEN_RECOVERY, id, 0);
	clock_hold(floor);
	return e;
}

static bool
is_issued(struct str code)
{
	return code.n == 6 && text_digits(code);
}

/* Of the codes those that may be meant as one that was sent, each once. */
static size_t
tries(const struct str *codes, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		bool seen = !is_issued(codes[i]);

		for (size_t j = 0; j < i && !seen; j++)
			seen = str_eq(codes[j], codes[i]);
		count += !seen;
	}
	return count;
}

/* Which row's code is this? r->n: none. All are compared. */
static size_t
match_recovery_code(struct ctx *x, const struct rows *r, struct str code)
{
	size_t found = r->n;

	for (size_t i = 0; i < r->n; i++) {
		struct recovery_charge_row row = recovery_charge_row(r, i);
		struct str want = row.mac;
		struct str mac = token_code_mac(x->arena, x->keys,
		    row.code_id, "recovery", code);

		if (want.n == mac.n &&
		    sodium_memcmp(want.p, mac.p, mac.n) == 0)
			found = i;
	}
	return found;
}

/* A row RC1's second proof, where there is a factor to prove. */
static enum err
second(struct ctx *x, const struct rows *r, struct str other)
{
	const struct recovery_charge_row row = recovery_charge_row(r, 0);
	struct factor_try t = { .code = other };
	struct factor_proof proof;
	struct subject s;
	struct account a;
	enum err e;

	if (!row.two_factor_enabled)
		return E_OK;
	if (other.n == 0)
		return problem_say(x, E_BAD_CODE, "This account has a second "
		    "factor; please send a code of that factor or a backup "
		    "code as well");
	e = account_find(x, row.user_id, &a, NULL);
	if (e != E_OK)
		return e;
	s = subject_of_account(&a);
	return factor_verify(x, &s, NULL, &t, &proof);
}

static enum err
check_password(struct ctx *x, struct str password, const struct rows *r)
{
	const struct recovery_charge_row row = recovery_charge_row(r, 0);

	return account_check_password(x, "new_password", password,
	    row.username, row.email);
}

/* Add a notice to each proved phone, within the budget of SMS. */
static enum err
tell_phones(struct ctx *x, struct str uid, struct job_draft *jobs, size_t *n)
{
	struct recovery_method *m;
	size_t have;
	enum err e = recovery_method_list(x, uid, &m, &have);

	if (e != E_OK || !factor_send_offers(x, STR("sms")))
		return e;
	for (size_t i = 0; i < have && *n < MAIL_ADDRESSES; i++) {
		if (!str_eq(m[i].type, STR("phone")) || m[i].verified_at == 0)
			continue;
		e = factor_send_budget(x, CODE_NOTICE, uid, STR("sms"),
		    m[i].value);
		if (e == E_LIMITED)
			continue;
		if (e != E_OK)
			return e;
		jobs[(*n)++] = mail_draft(x, &(struct mail){
		    .template = "recovery-done", .sms = true,
		    .to = m[i].value, .vars = mail_where(x), .priority = 1,
		    .ttl = DAY });
	}
	return E_OK;
}

static enum err
finish_recovery(struct ctx *x, const struct rows *r, struct str request,
    struct str code, struct str hash)
{
	struct job_draft jobs[MAIL_ADDRESSES];
	struct str uid = recovery_charge_row(r, 0).user_id;
	struct addressee to;
	struct rows *done;
	size_t n = 0;
	enum err e = mail_addressee(x, uid, &to);

	if (e != E_OK)
		return e;
	mail_each(x, &to, "recovery-done", mail_where(x), jobs, &n);
	e = tell_phones(x, uid, jobs, &n);
	if (e != E_OK)
		return e;
	session_stale(x, uid);
	e = db_run(x->db, x->arena, SQL(recovery_confirm,
	    .recovery_id = request, .code_id = code, .new_hash = hash,
	    .history = x->config->password_history, .mails = mail_batch(x, jobs, n), REQUESTER(x)), &done);
	if (e == E_OK && done->n == 0)
		e = E_BAD_CODE;
	if (e == E_OK)
		mail_sent(x);
	return e;
}

/*
 * Audit the refusal; a failure to write changes nothing. The account's
 * addresses are notified of its last try.
 */
static enum err
refuse_recovery(struct ctx *x, const struct rows *r, enum err e)
{
	struct recovery_charge_row row;
	struct str mails = STR_NONE;
	cJSON *vars;

	if (r->n == 0)
		return e;
	row = recovery_charge_row(r, 0);
	if (row.locked) {
		vars = mail_where(x);
		json_add_bool(vars, "locked", true);
		(void)mail_notice_user(x, row.user_id, "recovery-method",
		    vars, &mails);
	}
	if (x->config->audit || mails.n)
		(void)db_run(x->db, x->arena, SQL(recovery_refused,
		    .user_id = row.user_id, .reason = str_of(err_code(e)),
		    .mails = mails, REQUESTER(x)), NULL);
	if (mails.n)
		mail_sent(x);
	return e;
}

/*
 * Charge, then find the code that was sent and the other one. More codes than
 * can be right are guesses.
 */
static enum err
compare_codes(struct ctx *x, struct str request, const struct str *codes,
    size_t ncodes, struct rows **r, struct str found[2])
{
	size_t n = tries(codes, ncodes), row;
	enum err e = db_run(x->db, x->arena, SQL(recovery_charge,
	    .recovery_id = request, .attempts_max = (int64_t)(n ? n : 1),
	    .failures_max = LIMIT_FAILURES), r);

	if (e != E_OK)
		return e;
	if ((*r)->n == 0 || n > (*r)->n +
	    recovery_charge_row(*r, 0).two_factor_enabled)
		return E_BAD_CODE;
	found[0] = found[1] = STR_NONE;
	for (size_t i = 0; i < ncodes; i++)
		if ((row = match_recovery_code(x, *r, codes[i])) < (*r)->n)
			found[0] = recovery_charge_row(*r, row).code_id;
		else
			found[1] = codes[i];
	return found[0].n ? E_OK : E_BAD_CODE;
}

enum err
recovery_confirm(struct ctx *x, struct str challenge, const struct str *codes,
    size_t ncodes, struct str new_password)
{
	struct str request, hash, found[2];
	uint32_t generation;
	struct uuid id;
	struct rows *r;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_RECOVERY, challenge, &id,
	    &generation))
		return E_BAD_TOKEN;
	request = uuid_text(x->arena, id);
	e = compare_codes(x, request, codes, ncodes, &r, found);
	if (e != E_OK)
		return e == E_BAD_CODE ? refuse_recovery(x, r, e) : e;
	e = check_password(x, new_password, r);
	if (e == E_OK)
		e = password_history_check(x, "new_password",
		    recovery_charge_row(r, 0).user_id, new_password);
	if (e == E_OK)
		e = password_hash(x->arena, new_password, &hash);
	if (e != E_OK)
		return e;
	e = second(x, r, found[1]);
	if (e == E_OK)
		e = finish_recovery(x, r, request, found[0], hash);
	return e == E_OK ? E_OK : refuse_recovery(x, r, e);
}
