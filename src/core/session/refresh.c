#include "core/session/refresh.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/outgoing/mail.h"
#include "core/session/signing.h"
#include "crypto/token.h"

#define REPAIR_WINDOW (60 * CLOCK_SECOND) /* row RT3 */
#define GENERATIONS UINT32_MAX

/* The state of a family whose rotation found no row to rotate. */
struct family {
	struct str user_id;
	int64_t generation;
	bool ended;
	bool expired;
	bool user_active;
	struct str repair_key;
	int64_t since_rotation; /* µs */
	struct addressee owner;
};

static enum err
family_find(struct ctx *x, struct str sid, struct family *f)
{
	struct session_rotated_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(session_rotated,
	    .session_id = sid), &r);

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_REFRESH_INVALID;
	row = session_rotated_row(r, 0);
	*f = (struct family){
		.user_id = row.user_id,
		.generation = row.generation,
		.ended = row.is_ended,
		.expired = row.is_expired,
		.user_active = row.is_active,
		.repair_key = row.repair_key,
		.since_rotation = row.age,
		.owner = { row.name, row.addresses, row.is_proved },
	};
	return E_OK;
}

/* May the same successor be returned again? Only while it is the newest. */
static bool
repairable(const struct ctx *x, const struct family *f, uint32_t generation,
    struct str repair)
{
	int64_t grace = x->config->refresh_grace;

	if (f->ended || f->expired || !f->user_active ||
	    f->generation != (int64_t)generation + 1)
		return false;
	if (repair.n && str_eq(repair, f->repair_key))
		return f->since_rotation <= REPAIR_WINDOW;
	return grace > 0 && f->since_rotation <= grace;
}

/* The newest token with the key of the step before: another request (RE9). */
static bool
conflicts(const struct family *f, uint32_t generation, struct str repair)
{
	return repair.n && str_eq(repair, f->repair_key) && !f->ended &&
	    !f->expired && f->user_active &&
	    f->generation == (int64_t)generation &&
	    f->since_rotation <= REPAIR_WINDOW;
}

/*
 * The second use of a token: the family ends, and with it the other copy (row
 * RT4).
 */
static enum err
reused(struct ctx *x, struct str sid, const struct family *f)
{
	bool all = strcmp(x->config->refresh_reuse, "user") == 0;
	cJSON *vars = mail_where(x);
	struct str mails;
	enum err e;

	json_add_bool(vars, "all", all);
	mails = mail_notice(x, &f->owner, "refresh-reuse", vars);
	session_stale(x, all ? f->user_id : sid);
	e = db_run(x->db, x->arena, SQL(session_reused, .session_id = sid,
	    .all = all, .mails = mails, REQUESTER(x)), NULL);
	if (e != E_OK)
		return e;
	mail_sent(x);
	return E_REFRESH_INVALID;
}

enum err
refresh(struct ctx *x, struct str token, struct str repair,
    struct tokens **out)
{
	struct str sid, repair_key = STR_NONE;
	struct family f;
	struct rows *r;
	struct uuid id;
	uint32_t g;
	enum err e;

	if (!token_open(x->arena, x->keys, TOKEN_REFRESH, token, &id, &g) ||
	    g == GENERATIONS)
		return E_REFRESH_INVALID;
	e = signing_ready(x);
	if (e != E_OK)
		return e;
	sid = uuid_text(x->arena, id);
	if (repair.n)
		repair_key = token_hash(x->arena, repair);
	e = db_run(x->db, x->arena, SQL(session_rotate, .session_id = sid,
	    .generation = g, .idle = x->config->refresh_ttl,
	    .repair_key = repair_key, .ip_address = x->client,
	    .user_agent = x->user_agent, .repair_life = REPAIR_WINDOW), &r);
	if (e != E_OK)
		return e;
	if (r->n) {
		*out = session_tokens(x, session_rotate_row(r, 0).user_id,
		    sid, g + 1);
		return E_OK;
	}
	e = family_find(x, sid, &f);
	if (e != E_OK)
		return e;
	if (repairable(x, &f, g, repair_key)) {
		*out = session_tokens(x, f.user_id, sid, g + 1);
		return E_OK;
	}
	if (conflicts(&f, g, repair_key))
		return E_IDEMPOTENCY;
	if (f.generation > g && !f.ended)
		return reused(x, sid, &f);
	return E_REFRESH_INVALID;
}
