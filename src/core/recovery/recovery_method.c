#include "core/recovery/recovery_method.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/access/actor.h"
#include "core/factor/factor_send.h"
#include "core/limit.h"
#include "core/outgoing/mail.h"
#include "core/problem.h"
#include "crypto/token.h"

#define METHODS_MAX 10
#define LIFE (600 * CLOCK_SECOND)
#define ATTEMPTS 3
#define BUDGET 15 /* tries an hour over all codes */
#define HOUR (3600 * CLOCK_SECOND)

static struct recovery_method
method_of_row(const struct rows *r, size_t i)
{
	const struct recovery_list_row row = recovery_list_row(r, i);

	return (struct recovery_method){
		.id = row.id, .type = row.type,
		.value = row.value, .verified_at = row.verified_at,
		.created_at = row.created_at,
	};
}

enum err
recovery_method_list(struct ctx *x, struct str user_id,
    struct recovery_method **out, size_t *n)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(recovery_list,
	    .user_id = user_id, .id = STR_NONE), &r);

	if (e != E_OK)
		return e;
	*n = r->n;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = method_of_row(r, i);
	return E_OK;
}

static enum err
find_method(struct ctx *x, struct str user_id, struct str id,
    struct recovery_method *out)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(recovery_list,
	    .user_id = user_id, .id = id), &r);

	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e == E_OK)
		*out = method_of_row(r, 0);
	return e;
}

enum err
recovery_code_make(struct ctx *x, struct str user_id, struct str greeting,
    bool recovers, struct str type, struct str value,
    struct recovery_code *out)
{
	struct str kind = str_eq(type, STR("phone")) ? STR("sms") :
	    STR("email");
	struct str digits = token_digits(x->arena, 6);
	cJSON *vars = json_object();
	enum err e = factor_send_budget(x, recovers ? CODE_RECOVERY :
	    CODE_METHOD, user_id, kind, value);

	if (e == E_OK && str_eq(kind, STR("email")))
		e = limit_mail_address(x, value);
	if (e != E_OK)
		return e;
	out->id = uuid_text(x->arena, uuid_v7());
	out->mac = token_code_mac(x->arena, x->keys, out->id, recovers ?
	    "recovery" : "recovery-method", digits);
	json_add_str(vars, "code", digits);
	json_add_int(vars, "minutes", LIFE / CLOCK_SECOND / 60);
	json_add_bool(vars, "recovery", recovers);
	out->job = mail_draft(x, &(struct mail){ .template = "recovery-code",
	    .sms = str_eq(kind, STR("sms")), .to = value, .name = greeting,
	    .vars = vars, .ttl = LIFE,
	    .unproved = !recovers, .counted = true });
	return E_OK;
}

/* The value as it is kept. */
static enum err
check_value(struct ctx *x, const struct account *a, struct str type,
    struct str *value)
{
	if (str_eq(type, STR("email"))) {
		if (!str_eq(*value, a->email))
			return E_OK;
		return problem_field(x, "value",
		    "must not be the address of the account itself");
	}
	if (factor_send_offers(x, STR("sms")))
		return factor_send_phone(x, *value, value);
	return problem_say(x, E_CONFLICT, "This service sends no text messages; "
	    "please use an e-mail address");
}

/* Notify all addresses what was added or removed, and from where. */
static enum err
notify_of_method(struct ctx *x, const struct account *a, bool added,
    struct str type,
    struct job_draft *jobs, size_t *n)
{
	cJSON *vars = mail_where(x);
	struct addressee to;
	enum err e = mail_addressee(x, a->id, &to);

	json_add_bool(vars, "added", added);
	json_add_bool(vars, "phone", str_eq(type, STR("phone")));
	if (e == E_OK)
		mail_each(x, &to, "recovery-method", vars, jobs, n);
	return e;
}

enum err
recovery_method_add(struct ctx *x, const struct account *a, struct str type,
    struct str value, struct recovery_method *out)
{
	struct recovery_add_row row;
	struct str id = uuid_text(x->arena, uuid_v7());
	struct job_draft jobs[MAIL_ADDRESSES];
	struct recovery_code code;
	size_t n = 1;
	struct rows *r;
	enum err e = check_value(x, a, type, &value);

	if (e == E_OK)
		e = recovery_code_make(x, a->id, account_greeting(a),
		    false, type, value, &code);
	if (e == E_OK)
		e = notify_of_method(x, a, true, type, jobs, &n);
	if (e != E_OK)
		return e;
	jobs[0] = code.job;
	e = actor_run(x, SQL(recovery_add, .user_id = a->id, .method_id = id,
	    .type = type, .value = value, .methods_max = METHODS_MAX,
	    .code_id = code.id, .code_mac = code.mac, .code_life = LIFE,
	    .code_attempts = ATTEMPTS, .mails = mail_batch(x, jobs, n),
	    REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		e = problem_say(x, E_CONFLICT, "This is already a recovery "
		    "method, or the account has the most it can have; please "
		    "remove one first");
	if (e != E_OK)
		return e;
	mail_sent(x);
	row = recovery_add_row(r, 0);
	*out = (struct recovery_method){ .id = row.id,
		.type = type, .value = value,
		.created_at = row.created_at };
	return E_OK;
}

static enum err
charge_code(struct ctx *x, struct str user_id)
{
	return limit_try(x, arena_fmt(x->arena, "recovery:%.*s",
	    STR_FMT(user_id)), BUDGET, HOUR);
}

enum err
recovery_method_verify(struct ctx *x, const struct account *a, struct str id,
    struct str code, struct recovery_method *out)
{
	struct str code_id;
	struct rows *r;
	enum err e = find_method(x, a->id, id, out);

	if (e == E_OK)
		e = charge_code(x, a->id);
	if (e == E_OK)
		e = db_run(x->db, x->arena, SQL(recovery_code_find,
		    .user_id = a->id, .method_id = id), &r);
	if (e == E_OK && r->n == 0)
		e = E_BAD_CODE;
	if (e != E_OK)
		return e;
	code_id = recovery_code_find_row(r, 0).id;
	e = db_run(x->db, x->arena, SQL(recovery_verify, .user_id = a->id,
	    .method_id = id, .code_id = code_id,
	    .mac = token_code_mac(x->arena, x->keys, code_id,
		"recovery-method", code), REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		e = E_BAD_CODE;
	return e == E_OK ? find_method(x, a->id, id, out) : e;
}

enum err
recovery_method_remove(struct ctx *x, const struct account *a, struct str id)
{
	struct job_draft jobs[MAIL_ADDRESSES];
	struct recovery_method m;
	size_t n = 0;
	struct rows *r;
	enum err e = find_method(x, a->id, id, &m);

	if (e == E_OK)
		e = notify_of_method(x, a, false, m.type, jobs, &n);
	if (e == E_OK)
		e = actor_run(x, SQL(recovery_remove, .user_id = a->id,
		    .method_id = id, .mails = mail_batch(x, jobs, n),
		    REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e == E_OK)
		mail_sent(x);
	return e;
}
