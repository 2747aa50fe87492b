#include "core/session/refresh.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/outgoing/mail.h"
#include "core/session/signing.h"
#include "crypto/token.h"

#define REPAIR_WINDOW (60 * CLOCK_SECOND) /* row RT3 */
#define GENERATIONS UINT32_MAX

/* What is known of a family whose rotation found nothing to rotate. */
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
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_SESSION_ROTATED, &r,
	    A_STR(sid));

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_REFRESH_INVALID;
	*f = (struct family){
		.user_id = row_str(r, 0, 0),
		.generation = row_int(r, 0, 1),
		.ended = row_bool(r, 0, 2),
		.expired = row_bool(r, 0, 3),
		.user_active = row_bool(r, 0, 4),
		.repair_key = row_bytes(x->arena, r, 0, 5),
		.since_rotation = row_null(r, 0, 6) ? INT64_MAX :
		    row_int(r, 0, 6),
		.owner = { row_str(r, 0, 7), row_str(r, 0, 8),
		    row_bool(r, 0, 9) },
	};
	return E_OK;
}

/* May the successor be given once more? Only while it is the newest. */
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

/* The second use: whoever holds the other copy loses it too (row RT4). */
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
	e = db_exec(x->db, x->arena, Q_SESSION_REUSED, NULL, A_STR(sid),
	    A_BOOL(all), A_STR(mails), A_STR(x->client),
	    A_STR(x->user_agent), A_STR(x->request_id));
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
	e = db_exec(x->db, x->arena, Q_SESSION_ROTATE, &r, A_STR(sid),
	    A_INT(g), A_INT(x->config->refresh_ttl), A_BYTES(repair_key),
	    A_STR(x->client), A_STR(x->user_agent), A_INT(REPAIR_WINDOW));
	if (e != E_OK)
		return e;
	if (r->n) {
		*out = session_tokens(x, row_str(r, 0, 0), sid, g + 1);
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
