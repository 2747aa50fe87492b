#include "core/factor/factor_setup.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/access/actor.h"
#include "core/factor/factor_send.h"
#include "core/factor/qr.h"
#include "core/problem.h"
#include "crypto/seal.h"
#include "crypto/totp.h"

/* What waits for its proof. */
struct pending {
	struct str id;
	struct str secret; /* sealed */
	struct str codes;  /* sealed */
	const struct rows *sent; /* a row for each code on its way */
	struct str code_id;	 /* the one that matched */
	bool has_backup; /* unused codes are there already */
};

/* A colon parts issuer and account, escaped too, so neither may hold one. */
static struct str
without_colon(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ':')
			p[n++] = s.p[i];
	return (struct str){ p, n };
}

/*
 * otpauth://totp/Issuer:account?… as applications parse it: the issuer twice,
 * everything escaped but the '@' that people read.
 */
static struct str
uri_of(struct ctx *x, const struct subject *s, struct str secret)
{
	struct arena *a = x->arena;
	struct str issuer = percent_encode(a,
	    without_colon(a, str_of(x->config->name)));
	struct str label = without_colon(a, s->label), account = STR(""), piece;

	for (const char *at = ""; str_split(&label, '@', &piece); at = "@")
		account = arena_fmt(a, "%.*s%s%.*s", STR_FMT(account), at,
		    STR_FMT(percent_encode(a, piece)));
	return arena_fmt(a, "otpauth://totp/%.*s:%.*s?secret=%.*s&issuer=%.*s"
	    "&algorithm=SHA1&digits=6&period=30", STR_FMT(issuer),
	    STR_FMT(account), STR_FMT(secret), STR_FMT(issuer));
}

/* Keep the setup; *r is the one that waits now, which may be an older one. */
static enum err
keep_pending(struct ctx *x, const struct subject *s, struct str session,
    struct str kind, struct str id, struct str secret, struct str destination,
    struct str codes, struct rows **r)
{
	return actor_run(x, SQL(factor_setup, .subject_id = s->id,
	    .kind = kind, .id = id, .secret = secret,
	    .destination = destination, .codes = codes, .session_id = session,
	    .life = FACTOR_PENDING, .owner_id = s->owner_id, REQUESTER(x)), r);
}

/* Secret and backup codes as they were sealed. */
static enum err
show_sealed(struct ctx *x, const struct subject *s, const struct rows *r,
    struct str *secret, struct backup_set *codes)
{
	const struct factor_setup_row row = factor_setup_row(r, 0);
	struct str id = row.pending_id, kind = STR("totp"), text;
	enum err e = unseal(x->arena, x->keys, factor_bound(x->arena,
	    "secret", s, kind, id), row.pending_secret, secret);

	if (e == E_OK)
		e = unseal(x->arena, x->keys, factor_bound(x->arena, "codes",
		    s, kind, id), row.pending_codes, &text);
	if (e == E_OK && !backup_split(text, codes))
		e = E_INTERNAL;
	return e;
}

enum err
factor_setup_totp(struct ctx *x, const struct subject *s,
    struct str session, struct factor_setup *out)
{
	struct str id = uuid_text(x->arena, uuid_v7()), kind = STR("totp");
	struct str secret = totp_secret(x->arena), sealed, codes;
	struct rows *r;
	enum err e = subject_ensure(x, s);

	if (e != E_OK)
		return e;
	backup_make(x, &out->codes);
	sealed = seal(x->arena, x->keys,
	    factor_bound(x->arena, "secret", s, kind, id), secret);
	codes = seal(x->arena, x->keys,
	    factor_bound(x->arena, "codes", s, kind, id),
	    backup_join(x, &out->codes));
	e = keep_pending(x, s, session, kind, id, sealed, STR_NONE, codes, &r);
	if (e == E_OK)
		e = show_sealed(x, s, r, &secret, &out->codes);
	if (e != E_OK)
		return e;
	out->secret = totp_base32(x->arena, secret);
	out->uri = uri_of(x, s, out->secret);
	out->picture = qr_data_uri(x->arena, out->uri);
	return E_OK;
}

enum err
factor_setup_sent(struct ctx *x, const struct subject *s,
    struct str session, struct str kind, struct str destination)
{
	struct rows *r;
	enum err e;

	if (s->is_admin)
		return problem_say(x, E_FORBIDDEN, "Administrators can only use "
		    "an authenticator application");
	e = factor_send_offered(x, kind);
	if (e == E_OK)
		e = subject_ensure(x, s);
	if (e == E_OK)
		e = keep_pending(x, s, session, kind, uuid_text(x->arena,
		    uuid_v7()),
		    STR_NONE, destination, STR_NONE, &r);
	return e != E_OK ? e : factor_send_setup(x, s, kind,
	    factor_setup_row(r, 0).pending_id, destination);
}

static enum err
charge_setup(struct ctx *x, const struct subject *s, struct str session,
    struct str kind, struct pending *p)
{
	struct factor_pending_charge_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(factor_pending_charge,
	    .subject_id = s->id, .kind = kind, .session_id = session), &r);

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return problem_say(x, E_CONFLICT, "No setup is in progress, or "
		    "it has expired; please start again");
	row = factor_pending_charge_row(r, 0);
	*p = (struct pending){
		.id = row.pending_id,
		.secret = row.pending_secret,
		.codes = row.pending_codes,
		.sent = r,
		.has_backup = row.backup_codes > 0,
	};
	return E_OK;
}

/* Is it one of those that were sent? All are compared. */
static bool
was_sent(struct ctx *x, struct pending *p, struct str code)
{
	for (size_t i = 0; i < p->sent->n; i++) {
		struct factor_pending_charge_row row =
		    factor_pending_charge_row(p->sent, i);

		if (row.code_id.p && factor_send_matches(x, row.code_id,
		    row.mac, code))
			p->code_id = row.code_id;
	}
	return p->code_id.n > 0;
}

/* Does the code prove the setup that waits? *step: the step of a TOTP code. */
static bool
proves(struct ctx *x, const struct subject *s, struct str kind,
    struct pending *p, struct str code, int64_t *step)
{
	struct str secret;

	if (p->secret.n == 0)
		return was_sent(x, p, code);
	return unseal(x->arena, x->keys,
	    factor_bound(x->arena, "secret", s, kind, p->id), p->secret,
	    &secret) == E_OK &&
	    totp_match(secret, code, clock_wall() / CLOCK_SECOND, step);
}

/* The backup codes that come with it, hashed. *any: are there some? */
static enum err
backup_of(struct ctx *x, const struct subject *s, struct str kind,
    const struct pending *p, struct backup_set *codes, bool *any)
{
	struct str text;
	enum err e;

	*any = p->codes.n > 0 || !p->has_backup;
	if (!*any)
		return E_OK;
	if (p->codes.n == 0) {
		backup_make(x, codes);
		backup_hash(x, codes);
		return E_OK;
	}
	e = unseal(x->arena, x->keys, factor_bound(x->arena, "codes", s, kind,
	    p->id), p->codes, &text);
	if (e == E_OK && !backup_split(text, codes))
		e = E_INTERNAL;
	if (e == E_OK)
		backup_hash(x, codes);
	return e;
}

static enum err
store(struct ctx *x, const struct subject *s, struct str session,
    struct str kind, const struct pending *p, int64_t step,
    const struct backup_set *codes, bool any)
{
	bool totp = p->secret.n > 0;
	struct str mails;
	struct rows *r;
	enum err e = factor_notice_user(x, s->user_id, "enabled", kind,
	    &mails);

	if (e != E_OK)
		return e;
	if (s->user_id.n)
		session_stale(x, s->user_id);
	e = actor_run(x, SQL(factor_enable, .subject_id = s->id, .kind = kind,
	    .pending_id = p->id, .step = totp ? &step : NULL,
	    .code_id = totp ? STR_NONE : p->code_id,
	    .set_id = any ? codes->id : STR_NONE,
	    .prefixes = any ? codes->prefixes : STR_NONE,
	    .hashes = any ? codes->hashes : STR_NONE, .user_id = s->user_id,
	    .owner_id = s->owner_id, .session_id = session, .mails = mails,
	    REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		return E_BAD_CODE; /* another request was faster */
	if (e == E_OK)
		mail_sent(x);
	return e;
}

enum err
factor_setup_enable(struct ctx *x, const struct subject *s,
    struct str session, struct str kind, struct str code,
    struct backup_set *codes, bool *any)
{
	struct pending p = { 0 };
	int64_t step = 0;
	enum err e = charge_setup(x, s, session, kind, &p);

	if (e == E_OK && !proves(x, s, kind, &p, code, &step))
		e = E_BAD_CODE;
	if (e == E_OK)
		e = backup_of(x, s, kind, &p, codes, any);
	return e != E_OK ? e : store(x, s, session, kind, &p, step, codes,
	    *any);
}
