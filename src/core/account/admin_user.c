#include "core/account/admin_user.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/text.h"
#include "core/account/email_change.h"
#include "core/account/proof.h"
#include "core/idempotency.h"
#include "core/outgoing/mail.h"
#include "core/problem.h"
#include "crypto/password/password.h"

#define TRIGRAM 3 /* characters the search index needs */

/* A parameter that may be null, of 0, 1 or below. */
static const bool *
tristate(int v)
{
	static const bool no = false, yes = true;

	return v < 0 ? NULL : v ? &yes : &no;
}

/* Lower case, and nothing in it is a wildcard of LIKE. */
static struct str
prefix_of(struct ctx *x, struct str s)
{
	struct buf b = buf_new(x->arena, s.n * 2 + 1);

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%' || c == '_' || c == '\\')
			buf_byte(&b, '\\');
		buf_byte(&b, text_lower(c));
	}
	return buf_str(&b);
}

static enum err
find_users(struct ctx *x, const struct admin_user_filter *f, struct rows **r)
{
	const bool *active = tristate(f->active);
	const bool *verified = tristate(f->verified);
	size_t points = 0;

	(void)str_utf8(f->search, &points);
	if (f->search.n == 0)
		return db_run(x->db, x->arena, SQL(admin_user_list,
		    .role = f->role, .is_active = active,
		    .is_verified = verified, .behind_id = f->after,
		    .limit = f->limit, .offset = f->offset), r);
	if (points < TRIGRAM)
		return db_run(x->db, x->arena, SQL(admin_user_prefix,
		    .search = prefix_of(x, f->search), .role = f->role,
		    .is_active = active, .is_verified = verified,
		    .behind_id = f->after, .limit = f->limit,
		    .offset = f->offset), r);
	return db_run(x->db, x->arena, SQL(admin_user_search,
	    .search = f->search, .role = f->role, .is_active = active,
	    .is_verified = verified, .behind_id = f->after,
	    .limit = f->limit, .offset = f->offset), r);
}

enum err
admin_user_list(struct ctx *x, const struct admin_user_filter *f,
    struct admin_user **out, size_t *n, int64_t *total)
{
	struct admin_user_filter g = *f;
	struct rows *r;
	enum err e = E_OK;

	if (g.after.p)
		e = admin_user_ref(x, g.after, &g.after);
	if (e == E_OK)
		e = find_users(x, &g, &r);
	if (e != E_OK)
		return e;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	*total = r->n ? admin_user_page_row(r, 0).total : 0;
	*n = 0;
	/* A page without accounts is one row with only the total. */
	for (size_t i = 0; i < r->n; i++) {
		struct admin_user_page_row row = admin_user_page_row(r, i);

		if (row.account.id.p)
			(*out)[(*n)++] = (struct admin_user){
				.account = account_of(row.account),
				.must_reset_password = row.must_reset_password,
			};
	}
	return E_OK;
}

static enum err
read_user(struct ctx *x, struct str id, struct admin_user *out)
{
	struct admin_user_get_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(admin_user_get, .user_id = id,
	    .lock_attempts = x->config->lock_attempts), &r);

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_NOT_FOUND;
	row = admin_user_get_row(r, 0);
	*out = (struct admin_user){
		.account = account_of(row.account),
		.must_reset_password = row.must_reset_password,
		.sessions = row.sessions,
		.locked_until = row.locked_until,
	};
	return E_OK;
}

enum err
admin_user_get(struct ctx *x, struct str ref, struct admin_user *out)
{
	struct str id;
	enum err e = admin_user_ref(x, ref, &id);

	return e == E_OK ? read_user(x, id, out) : e;
}

/* The password's hash by the policy; STR_NONE where none is given. */
static enum err
hash_of(struct ctx *x, const struct registration *r, struct str *hash)
{
	enum err e;

	*hash = STR_NONE;
	if (r->password.n == 0)
		return E_OK;
	e = account_check_password(x, "password", r->password, r->username,
	    r->email);
	return e == E_OK ? password_hash(x->arena, r->password, hash) : e;
}

enum err
admin_user_create(struct ctx *x, struct str actor,
    const struct admin_user_wish *w, struct admin_user *out)
{
	const struct registration *r = &w->as;
	struct str id = idempotency_id(x, 0), hash, full, role;
	enum err e = hash_of(x, r, &hash);

	if (e != E_OK)
		return e;
	full = account_full_name(x, r);
	role = w->role.n ? w->role : str_of(x->config->default_role);
	e = admin_decide(x, SQL(admin_user_create, .actor_id = actor,
	    .user_id = id, .email = r->email, .username = r->username,
	    .password_hash = hash, .first_name = r->first_name,
	    .last_name = r->last_name, .full_name = full, .role = role,
	    .is_verified = w->verified, .is_active = w->active, REQUESTER(x)),
	    NULL);
	if (e == E_NOT_FOUND)
		return problem_field(x, "role", "is not a role");
	return e == E_OK ? read_user(x, id, out) : e;
}

static struct statement
act_statement(enum admin_user_act act, const struct admin_user_act_params *p)
{
	switch (act) {
	case ADMIN_ACTIVATE:
		return SQL_OF(admin_user_activate, p);
	case ADMIN_DEACTIVATE:
		return SQL_OF(admin_user_deactivate, p);
	case ADMIN_DELETE:
		return SQL_OF(admin_user_delete, p);
	case ADMIN_UNLOCK:
		return SQL_OF(admin_user_unlock, p);
	case ADMIN_REQUIRE_RESET:
		return SQL_OF(admin_user_require_reset, p);
	case ADMIN_END_SESSIONS:
		break;
	}
	return SQL_OF(admin_user_end_sessions, p);
}

enum err
admin_user_act(struct ctx *x, struct str actor, struct str ref,
    enum admin_user_act act, int64_t *count)
{
	struct rows *r;
	struct str id;
	enum err e = admin_user_ref(x, ref, &id);

	if (e != E_OK)
		return e;
	session_stale(x, id);
	e = admin_decide(x, act_statement(act, &(struct admin_user_act_params){
	    .actor_id = actor, .user_id = id, REQUESTER(x) }), &r);
	if (e == E_OK && count)
		*count = decision_row(r, 0).ended;
	return admin_explain_own(x, e, actor, id);
}

/* What a new address brings: a code to it, and how to take the old one back. */
struct move {
	struct proof_code code;
	struct str undo;
	struct str mails;
};

static enum err
move(struct ctx *x, struct str id, struct str email, struct move *out)
{
	struct job_draft jobs[MAIL_ADDRESSES];
	struct uuid undo = uuid_v7();
	struct account was;
	size_t n = 1;
	enum err e;

	*out = (struct move){ 0 };
	if (email.p == NULL)
		return E_OK;
	e = account_find(x, id, &was, NULL);
	if (e != E_OK || str_eq(was.email, email))
		return e;
	out->code = proof_code(x, email, false);
	out->undo = uuid_text(x->arena, undo);
	jobs[0] = out->code.job;
	e = email_change_warn(x, id, was.email, "email-changed", email, undo,
	    jobs, &n);
	out->mails = mail_batch(x, jobs, n);
	return e;
}

enum err
admin_user_update(struct ctx *x, struct str actor, struct str ref,
    const struct registration *r, int verified, int active,
    struct admin_user *out)
{
	struct admin_user_act_params act;
	struct statement steps[ADMIN_STEPS];
	struct str id;
	struct move m;
	enum err e = admin_user_ref(x, ref, &id);

	if (e == E_OK)
		e = move(x, id, r->email, &m);
	if (e != E_OK)
		return e;
	session_stale(x, id);
	steps[0] = SQL(admin_user_update, .actor_id = actor,
	    .user_id = id, .email = r->email, .username = r->username,
	    .first_name = r->first_name, .last_name = r->last_name,
	    .full_name = r->full_name, .is_verified = tristate(verified),
	    .deactivates = active == 0,
	    .code_id = m.code.id, .code_mac = m.code.mac,
	    .code_life = PROOF_CODE_LIFE, .code_attempts = PROOF_CODE_ATTEMPTS,
	    .undo_id = m.undo, .undo_life = EMAIL_UNDO_LIFE, .mails = m.mails,
	    REQUESTER(x));
	act = (struct admin_user_act_params){ .actor_id = actor, .user_id = id,
		REQUESTER(x) };
	steps[1] = act_statement(active ? ADMIN_ACTIVATE : ADMIN_DEACTIVATE,
	    &act);
	e = admin_decide_all(x, steps, active < 0 ? 1 : 2, NULL);
	if (e == E_OK && m.mails.n)
		mail_sent(x);
	return e == E_OK ? read_user(x, id, out) :
	    admin_explain_own(x, e, actor, id);
}

enum err
admin_cleanup_sessions(struct ctx *x, struct str actor, int64_t *deleted)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(admin_cleanup_sessions,
	    .actor_id = actor, REQUESTER(x)), &r);

	if (e == E_OK)
		*deleted = admin_cleanup_sessions_row(r, 0).deleted;
	return e;
}

enum err
admin_stats(struct ctx *x, struct admin_stats *s)
{
	struct admin_stats_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(admin_stats), &r);

	if (e != E_OK)
		return e;
	row = admin_stats_row(r, 0);
	*s = (struct admin_stats){
		.users = row.users, .inactive = row.inactive,
		.unverified = row.unverified,
		.sessions = row.sessions, .api_keys = row.api_keys,
		.roles = row.roles, .logins = row.logins,
		.failed_logins = row.failed_logins,
		.registrations = row.registrations,
	};
	return E_OK;
}
