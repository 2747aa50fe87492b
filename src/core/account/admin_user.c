#include "core/account/admin_user.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "core/account/email_change.h"
#include "core/account/proof.h"
#include "core/idempotency.h"
#include "core/outgoing/mail.h"
#include "crypto/password/password.h"

#define TRIGRAM 3 /* characters the search index needs */

static struct arg
tristate_text(int v)
{
	return v < 0 ? A_NULL : A_BOOL(v);
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
		buf_byte(&b, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
	return buf_str(&b);
}

static enum err
find_users(struct ctx *x, const struct admin_user_filter *f, struct rows **r)
{
	enum query q = Q_ADMIN_USER_SEARCH;
	struct str text = f->search;
	size_t points = 0;

	(void)str_utf8(text, &points);
	if (text.n == 0)
		return db_exec(x->db, x->arena, Q_ADMIN_USER_LIST, r,
		    A_STR(f->role), tristate_text(f->active),
		    tristate_text(f->verified), A_STR(f->after),
		    A_INT(f->limit),
		    A_INT(f->offset));
	if (points < TRIGRAM) {
		q = Q_ADMIN_USER_PREFIX;
		text = prefix_of(x, text);
	}
	return db_exec(x->db, x->arena, q, r, A_STR(text), A_STR(f->role),
	    tristate_text(f->active), tristate_text(f->verified),
	    A_STR(f->after),
	    A_INT(f->limit), A_INT(f->offset));
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
	*total = r->n ? row_int(r, 0, 17) : 0;
	*n = 0;
	/* A page without accounts is one row of the total alone. */
	for (size_t i = 0; i < r->n && !row_null(r, i, 0); i++)
		(*out)[(*n)++] = (struct admin_user){
			.account = account_cells(r, i, 0),
			.must_reset_password = row_bool(r, i, 16),
		};
	return E_OK;
}

static enum err
read_user(struct ctx *x, struct str id, struct admin_user *out)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_ADMIN_USER_GET, &r, A_STR(id),
	    A_INT(x->config->lock_attempts));

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_NOT_FOUND;
	*out = (struct admin_user){
		.account = account_cells(r, 0, 0),
		.must_reset_password = row_bool(r, 0, 16),
		.sessions = row_int(r, 0, 17),
		.locked_until = row_int(r, 0, 18),
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
	struct str context[] = { r->username, r->email,
		str_of(x->config->name) };

	*hash = STR_NONE;
	if (r->password.n == 0)
		return E_OK;
	x->sentence = password_policy(x->config, r->password, context, 3);
	x->field = "password";
	if (x->sentence)
		return E_VALIDATION;
	return password_hash(x->arena, r->password, hash);
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
	e = admin_exec(x, Q_ADMIN_USER_CREATE, NULL, A_STR(actor), A_STR(id),
	    A_STR(r->email), A_STR(r->username), A_STR(hash),
	    A_STR(r->first_name), A_STR(r->last_name), A_STR(full),
	    A_STR(role), A_BOOL(w->verified), A_BOOL(w->active),
	    ADMIN_WHENCE(x));
	if (e == E_NOT_FOUND) {
		x->field = "role";
		x->sentence = "is not a role";
		return E_VALIDATION;
	}
	return e == E_OK ? read_user(x, id, out) : e;
}

enum err
admin_user_act(struct ctx *x, struct str actor, struct str ref,
    enum admin_user_act act, int64_t *count)
{
	static const enum query query[] = {
		[ADMIN_ACTIVATE] = Q_ADMIN_USER_ACTIVATE,
		[ADMIN_DEACTIVATE] = Q_ADMIN_USER_DEACTIVATE,
		[ADMIN_DELETE] = Q_ADMIN_USER_DELETE,
		[ADMIN_UNLOCK] = Q_ADMIN_USER_UNLOCK,
		[ADMIN_REQUIRE_RESET] = Q_ADMIN_USER_REQUIRE_RESET,
		[ADMIN_END_SESSIONS] = Q_ADMIN_USER_END_SESSIONS,
	};
	struct rows *r;
	struct str id;
	enum err e = admin_user_ref(x, ref, &id);

	if (e != E_OK)
		return e;
	session_stale(x, id);
	e = admin_exec(x, query[act], &r, A_STR(actor), A_STR(id),
	    ADMIN_WHENCE(x));
	if (e == E_FORBIDDEN && str_eq(actor, id))
		x->sentence = "You cannot do this to your own account; please "
		    "ask another administrator";
	if (e == E_OK && count)
		*count = r->columns > 1 ? row_int(r, 0, 1) : 0;
	return e;
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
	struct str id;
	struct move m;
	enum err e = admin_user_ref(x, ref, &id);

	if (e == E_OK)
		e = move(x, id, r->email, &m);
	if (e != E_OK)
		return e;
	session_stale(x, id);
	e = admin_exec(x, Q_ADMIN_USER_UPDATE, NULL, A_STR(actor), A_STR(id),
	    A_STR(r->email), A_STR(r->username), A_STR(r->first_name),
	    A_STR(r->last_name), A_STR(r->full_name), tristate_text(verified),
	    A_STR(m.code.id), A_BYTES(m.code.mac), A_INT(PROOF_CODE_LIFE),
	    A_INT(PROOF_CODE_ATTEMPTS), A_STR(m.undo),
	    A_INT(EMAIL_UNDO_LIFE), A_STR(m.mails), ADMIN_WHENCE(x));
	if (e == E_OK && m.mails.n)
		mail_sent(x);
	if (e == E_OK && active >= 0)
		e = admin_user_act(x, actor, id, active ? ADMIN_ACTIVATE :
		    ADMIN_DEACTIVATE, NULL);
	return e == E_OK ? read_user(x, id, out) : e;
}

enum err
admin_cleanup_sessions(struct ctx *x, struct str actor, int64_t *deleted)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_ADMIN_CLEANUP_SESSIONS, &r,
	    A_STR(actor), ADMIN_WHENCE(x));

	if (e == E_OK)
		*deleted = row_int(r, 0, 0);
	return e;
}

enum err
admin_stats(struct ctx *x, struct admin_stats *s)
{
	struct rows *r;
	enum err e = db_exec0(x->db, x->arena, Q_ADMIN_STATS, &r);

	if (e != E_OK)
		return e;
	*s = (struct admin_stats){
		.users = row_int(r, 0, 0), .inactive = row_int(r, 0, 1),
		.unverified = row_int(r, 0, 2),
		.sessions = row_int(r, 0, 3), .api_keys = row_int(r, 0, 4),
		.roles = row_int(r, 0, 5), .logins = row_int(r, 0, 6),
		.failed_logins = row_int(r, 0, 7),
		.registrations = row_int(r, 0, 8),
	};
	return E_OK;
}
