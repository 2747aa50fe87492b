#include "handlers/shared/party.h"

#include "core/access/api_key.h"

static enum err
by_challenge(struct call *c, struct str token, struct party *out)
{
	return challenge_open(c->ctx, token, &out->challenge) ? E_OK :
	    E_CHALLENGE_INVALID;
}

static enum err
party_by_key(struct call *c, struct str user_id, bool make, struct party *out)
{
	out->actor = c->actor.key->user_id;
	return subject_of_key(c->ctx, c->actor.key, user_id, make,
	    &out->subject);
}

enum err
party_of(struct call *c, struct str temp_token, struct str user_id,
    bool make, struct party *out)
{
	const struct session *s = c->actor.session;

	*out = (struct party){ .session = s };
	if (temp_token.n)
		return by_challenge(c, temp_token, out);
	if (user_id.n && challenge_open(c->ctx, user_id, &out->challenge))
		return E_OK;
	if (c->actor.challenge.n)
		return by_challenge(c, c->actor.challenge, out);
	if (c->actor.key)
		return party_by_key(c, user_id, make, out);
	if (s == NULL)
		return user_id.n ? E_CHALLENGE_INVALID : c->actor.refusal;
	if (user_id.n && !str_eq(user_id, s->account.id))
		return E_FORBIDDEN;
	out->subject = subject_of_account(&s->account);
	out->actor = s->account.id;
	return E_OK;
}

enum err
party_read(struct call *c, struct party *out)
{
	struct str user_id = request_query(c->rq, "user_id");
	struct account *owner;
	enum err e;

	if (user_id.n == 0)
		user_id = request_query(c->rq, "userId");
	if (c->actor.key == NULL || user_id.n)
		return party_of(c, STR_NONE, user_id, false, out);
	*out = (struct party){ .actor = c->actor.key->user_id };
	owner = ARENA_NEW(c->ctx->arena, struct account);
	e = account_find(c->ctx, out->actor, owner, NULL);
	if (e == E_OK)
		out->subject = subject_of_account(owner);
	return e;
}

enum err
party_answer(struct call *c, const char *message, cJSON *data)
{
	if (str_starts(c->rq->path, STR("/mfa/")))
		message = arena_fmt(c->ctx->arena, "M%s", message + 1).p;
	return answer(c, 200, message, data);
}
