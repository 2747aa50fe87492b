#include "core/factor/factor.h"

#include "base/clock.h"
#include "base/limits.h"
#include "core/access/actor.h"
#include "core/access/admin.h"
#include "core/factor/backup.h"
#include "core/problem.h"

/* "+49…67", "a…@example.com": enough to recognise one's own. */
static struct str
masked_destination(struct arena *a, struct str d)
{
	size_t at = str_find(d, '@');

	if (d.n == 0)
		return STR_NONE;
	if (at < d.n)
		return arena_fmt(a, "%.1s\u2026%.*s", d.p,
		    STR_FMT(str_slice(d, at, d.n)));
	return d.n < 7 ? STR("\u2026") : arena_fmt(a, "%.3s\u2026%.*s", d.p,
	    STR_FMT(str_slice(d, d.n - 2, d.n)));
}

enum err
factor_list(struct ctx *x, const struct subject *s, struct factors *out)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(factor_list,
	    .subject_id = s->id, .failures_max = LIMIT_FAILURES), &r);

	*out = (struct factors){ 0 };
	if (e != E_OK || r->n == 0)
		return e;
	out->list = arena_array(x->arena, r->n, sizeof(*out->list));
	for (size_t i = 0; i < r->n; i++) {
		struct factor_list_row row = factor_list_row(r, i);

		if (row.id.p == NULL)
			break;
		out->list[out->n++] = (struct factor){
			.id = row.id, .kind = row.kind,
			.destination = masked_destination(x->arena,
			    row.destination),
			.enabled_at = row.enabled_at,
			.last_used_at = row.last_used_at,
			.locked = row.locked,
		};
	}
	out->backup_codes = factor_list_row(r, 0).backup_codes;
	return E_OK;
}

struct str
factor_bound(struct arena *a, const char *column, const struct subject *s,
    struct str kind, struct str id)
{
	return arena_fmt(a, "factors/%s/%.*s/%.*s/%.*s", column,
	    STR_FMT(s->id), STR_FMT(kind), STR_FMT(id));
}

struct str
factor_notice(struct ctx *x, const struct addressee *to, const char *what,
    struct str kind)
{
	cJSON *vars = mail_where(x);

	json_add_bool(vars, what, true);
	if (kind.n)
		json_add_bool(vars, arena_cstr(x->arena, kind), true);
	json_add_str(vars, "user_agent", x->user_agent);
	return mail_notice(x, to, "factor", vars);
}

enum err
factor_notice_user(struct ctx *x, struct str user_id, const char *what,
    struct str kind, struct str *out)
{
	struct addressee to;
	enum err e;

	*out = STR_NONE;
	if (user_id.n == 0)
		return E_OK;
	e = mail_addressee(x, user_id, &to);
	if (e == E_OK)
		*out = factor_notice(x, &to, what, kind);
	return e;
}

enum err
factor_none(struct ctx *x)
{
	return problem_say(x, E_CONFLICT,
	    "This account has no second factor enabled");
}

enum err
factor_disable(struct ctx *x, const struct subject *s, struct str kind,
    struct str actor)
{
	struct str mails;
	struct rows *r;
	enum err e = factor_notice_user(x, s->user_id, "disabled", kind,
	    &mails);

	if (e != E_OK)
		return e;
	if (s->user_id.n)
		session_stale(x, s->user_id);
	e = actor_run(x, SQL(factor_disable, .subject_id = s->id, .kind = kind,
	    .user_id = s->user_id, .owner_id = s->owner_id, .mails = mails,
	    .actor_id = actor, REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		return factor_none(x);
	if (e == E_OK)
		mail_sent(x);
	return e;
}

enum err
factor_reset(struct ctx *x, struct str actor, struct str ref)
{
	struct str id, mails;
	enum err e = admin_user_ref(x, ref, &id);

	if (e == E_OK)
		e = factor_notice_user(x, id, "disabled", STR_NONE, &mails);
	if (e != E_OK)
		return e;
	session_stale(x, id);
	e = admin_decide(x, SQL(factor_reset, .actor_id = actor, .user_id = id,
	    .mails = mails, REQUESTER(x)), NULL);
	if (e == E_OK)
		mail_sent(x);
	return admin_explain_own(x, e, actor, id);
}

enum err
factor_backup_renew(struct ctx *x, const struct subject *s,
    struct backup_set *out)
{
	struct str mails;
	struct rows *r;
	enum err e;

	backup_make(x, out);
	backup_hash(x, out);
	e = factor_notice_user(x, s->user_id, "codes", STR_NONE, &mails);
	if (e == E_OK)
		e = actor_run(x, SQL(backup_renew, .user_id = s->id,
		    .set_id = out->id, .prefixes = out->prefixes,
		    .hashes = out->hashes, .mails = mails, REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		return factor_none(x);
	if (e == E_OK)
		mail_sent(x);
	return e;
}

bool
factor_recent(const struct session *s)
{
	if (!s->account.two_factor_enabled)
		return session_recent(s);
	return session_recent(s) && factor_proved(s, INT64_MAX);
}

bool
factor_proved(const struct session *s, int64_t within)
{
	static const char *const factors[] = { "otp", "sms", "email",
		"backup" };

	if (clock_wall() - s->proved_at > within)
		return false;
	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
		if (str_holds(s->amr, ' ', str_of(factors[i])))
			return true;
	return false;
}
