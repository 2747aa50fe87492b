#include "handlers/shared/answer.h"

#include <limits.h>

#include "base/clock.h"
#include "base/limits.h"
#include "core/access/role.h"
#include "core/problem.h"

#define PAGE_DEFAULT 20
#define PAGES_MAX 1000000

cJSON *
answer_list(struct str list)
{
	cJSON *array = json_array();
	struct str one;

	while (str_split(&list, ',', &one))
		if (one.n)
			json_push_str(array, one);
	return array;
}

cJSON *
answer_user(const struct account *a)
{
	cJSON *o = json_object();

	json_add_str(o, "id", a->id);
	if (a->numeric_id)
		json_add_int(o, "numeric_id", a->numeric_id);
	json_add_str(o, "email", a->email);
	json_add_str(o, "username", a->username);
	json_add_str(o, "first_name", a->first_name);
	json_add_str(o, "last_name", a->last_name);
	json_add_str(o, "full_name", a->full_name);
	json_add_str(o, "role", role_primary(a->roles));
	json_add(o, "roles", answer_list(a->roles));
	json_add_bool(o, "is_active", a->is_active);
	json_add_bool(o, "is_verified", a->is_verified);
	json_add_bool(o, "two_factor_enabled", a->two_factor_enabled);
	json_add_str(o, "profile_picture_url", a->picture_url);
	json_add_str(o, "cover_photo_url", a->cover_url);
	json_add_time(o, "last_login", a->last_login_at);
	json_add_time(o, "created_at", a->created_at);
	json_add_time(o, "updated_at", a->updated_at);
	return o;
}

void
answer_tokens(cJSON *data, const struct tokens *t)
{
	json_add_str(data, "access_token", t->access);
	json_add_str(data, "refresh_token", t->refresh);
	json_add_str(data, "token_type", STR("Bearer"));
	json_add_int(data, "expires_in", t->expires_in);
	json_add_str(data, "session_id", t->session_id);
}

cJSON *
answer_session(const void *row)
{
	const struct session_entry *s = row;
	cJSON *o = json_object();

	json_add_str(o, "id", s->id);
	json_add_int(o, "numeric_id", s->numeric_id);
	json_add_str(o, "ip_address", s->ip_address);
	json_add_str(o, "user_agent", s->user_agent);
	json_add_time(o, "created_at", s->created_at);
	json_add_time(o, "last_accessed", s->last_used_at);
	json_add_time(o, "expires_at", s->expires_at);
	json_add_bool(o, "is_active", true);
	json_add_bool(o, "current", s->is_current);
	return o;
}

static enum err
answer_challenge(struct call *c, const struct challenge *ch, cJSON *data)
{
	json_add_bool(data, "requires_two_factor", true);
	json_add_bool(data, "requires_mfa", true);
	json_add_str(data, "temp_token", ch->token);
	json_add_str(data, "user_id", ch->token);
	json_add_str(data, "access_token", ch->token);
	json_add_str(data, "token_type", STR("challenge"));
	json_add_int(data, "expires_in", CHALLENGE_LIFE / CLOCK_SECOND);
	json_add(data, "methods", answer_list(ch->methods));
	json_add_bool(data, "code_sent", ch->code_sent);
	json_add_int(data, "resend_after", ch->again_in);
	return answer(c, 200, "Two-factor authentication required", data);
}

enum err
answer_login(struct call *c, const struct login *l, cJSON *data,
    const char *message)
{
	if (l->challenge)
		return answer_challenge(c, l->challenge, data);
	json_add(data, "user", answer_user(&l->account));
	answer_tokens(data, l->tokens);
	if (l->device_token.n)
		json_add_str(data, "device_token", l->device_token);
	return answer(c, 200, message, data);
}

enum err
answer(struct call *c, int status, const char *message, cJSON *data)
{
	c->re->status = status;
	c->re->message = message;
	c->re->data = data;
	return E_OK;
}

enum err
answer_bad_query(struct call *c, const char *name, const char *must)
{
	return problem_say(c->ctx, E_BAD_REQUEST, arena_fmt(c->ctx->arena,
	    "%s must be %s", name, must).p);
}

/* A whole number of the query under one of two names. */
static enum err
query_number(struct call *c, const char *name, const char *alias, long min,
    long max, long *out)
{
	struct str text = request_query(c->rq, name);
	long long v;

	if (text.n == 0 && alias)
		text = request_query(c->rq, alias);
	if (text.n == 0)
		return E_OK;
	if (!str_to_int(text, min, LLONG_MAX, &v))
		return answer_bad_query(c, name, arena_fmt(c->ctx->arena,
		    "a whole number of at least %ld", min).p);
	*out = v > max ? max : (long)v;
	return E_OK;
}

enum err
answer_page(struct call *c, long *limit, long *offset)
{
	struct page *p = ARENA_NEW(c->ctx->arena, struct page);
	long page = 1, skip = -1;
	enum err e;

	*limit = PAGE_DEFAULT;
	e = query_number(c, "limit", "per_page", 1, LIMIT_PAGE, limit);
	if (e == E_OK)
		e = query_number(c, "page", NULL, 1, PAGES_MAX, &page);
	if (e == E_OK)
		e = query_number(c, "skip", "offset", 0, PAGES_MAX * LIMIT_PAGE,
		    &skip);
	if (e != E_OK)
		return e;
	if (skip >= 0)
		page = skip / *limit + 1;
	*offset = skip >= 0 ? skip : (page - 1) * *limit;
	*p = (struct page){ .page = page, .limit = *limit };
	c->re->page = p;
	return E_OK;
}

enum err
answer_rows(struct call *c, enum err e, const char *message,
    const struct listing *l, const void *rows, size_t size,
    cJSON *(*record)(const void *row))
{
	cJSON *array = json_array();

	if (e != E_OK)
		return e;
	for (size_t i = 0; i < l->n; i++)
		json_push(array, record((const char *)rows + i * size));
	if (c->re->page)
		c->re->page->total = l->total;
	return answer(c, 200, message, array);
}
