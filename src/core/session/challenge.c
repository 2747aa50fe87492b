#include "core/session/challenge.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/factor/factor_send.h"
#include "crypto/token.h"

/*
 * Nobody should have to ask for the only code there can be. What cannot be sent
 * is no fault of the login, which says so.
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
	(void)factor_send(x, &s, first, arena_fmt(x->arena, "challenge:%.*s",
	    STR_FMT(id)), &sent);
	out->code_sent = sent.sent;
	out->again_in = sent.again_in;
	x->sentence = NULL;
	x->retry_after = 0;
}

enum err
challenge_new(struct ctx *x, const struct account *a,
    const struct challenge_proof *p, struct challenge *out)
{
	struct uuid u = uuid_v7();
	struct str id = uuid_text(x->arena, u), kinds;
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_CHALLENGE_NEW, &r, A_STR(id),
	    A_STR(a->id), A_TEXT(p->amr), A_STR(p->verified_hash),
	    A_STR(p->new_hash), A_STR(p->bucket), A_STR(p->total),
	    A_BOOL(p->remember), A_STR(p->device_name),
	    A_INT(CHALLENGE_LIFE), A_STR(x->client), A_STR(x->user_agent),
	    A_STR(x->request_id));

	if (e == E_OK && r->n == 0)
		e = E_CREDENTIALS;
	if (e != E_OK)
		return e;
	kinds = row_str(r, 0, 0);
	out->token = token_make(x->arena, x->keys, TOKEN_CHALLENGE, u, 0);
	out->methods = row_bool(r, 0, 1) ? arena_fmt(x->arena, "%.*s%sbackup",
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
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_CHALLENGE_SUBJECT, &r,
	    A_STR(id));

	if (e == E_OK && r->n == 0)
		e = E_CHALLENGE_INVALID;
	if (e != E_OK)
		return e;
	*out = (struct subject){ .id = row_str(r, 0, 0),
		.user_id = row_str(r, 0, 0), .label = row_str(r, 0, 1),
		.greeting = row_str(r, 0, 2) };
	return E_OK;
}
