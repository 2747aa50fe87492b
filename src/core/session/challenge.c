#include "core/session/challenge.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/factor/factor_send.h"
#include "crypto/token.h"

/*
 * Send the first code at once, so that nobody has to ask for the only code
 * there can be. A code that cannot be sent does not fail the login, whose
 * answer tells.
 */
static void
send_first(struct ctx *x, const struct account *a, struct str kinds,
    struct str id, struct challenge *out)
{
	struct subject s = subject_of_account(a);
	struct factor_sent sent;
	struct str first;

	if (!str_split(&kinds, ',', &first) || str_eq(first, STR("totp")))
		return;
	(void)factor_send(x, &s, first, factor_send_bound(x->arena, id,
	    STR_NONE), &sent);
	out->code_sent = sent.sent;
	out->again_in = sent.again_in;
}

enum err
challenge_new(struct ctx *x, const struct account *a,
    const struct challenge_proof *p, struct challenge *out)
{
	struct challenge_new_row row;
	struct uuid u = uuid_v7();
	struct str id = uuid_text(x->arena, u), kinds;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(challenge_new,
	    .challenge_id = id, .user_id = a->id, .amr = str_of(p->amr),
	    .verified_hash = p->verified_hash, .new_hash = p->new_hash,
	    .bucket = p->bucket, .total = p->total, .remember = p->remember,
	    .device_name = p->device_name, .life = CHALLENGE_LIFE,
	    REQUESTER(x)), &r);

	if (e == E_OK && r->n == 0)
		e = E_CREDENTIALS;
	if (e != E_OK)
		return e;
	row = challenge_new_row(r, 0);
	kinds = row.kinds;
	out->token = token_make(x->arena, x->keys, TOKEN_CHALLENGE, u, 0);
	out->methods = row.backup_codes ? arena_fmt(x->arena, "%.*s%sbackup",
	    STR_FMT(kinds), kinds.n ? "," : "") : kinds;
	send_first(x, a, kinds, id, out);
	return E_OK;
}

bool
challenge_open(struct ctx *x, struct str token, struct str *id)
{
	uint32_t generation;
	struct uuid u;

	if (!token_open(x->arena, x->keys, TOKEN_CHALLENGE, token, &u,
	    &generation))
		return false;
	*id = uuid_text(x->arena, u);
	return true;
}

enum err
challenge_subject(struct ctx *x, struct str id, struct subject *out)
{
	struct challenge_subject_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(challenge_subject,
	    .challenge_id = id), &r);

	if (e == E_OK && r->n == 0)
		e = E_CHALLENGE_INVALID;
	if (e != E_OK)
		return e;
	row = challenge_subject_row(r, 0);
	*out = (struct subject){ .id = row.user_id,
		.user_id = row.user_id, .label = row.email,
		.greeting = row.greeting };
	return E_OK;
}
