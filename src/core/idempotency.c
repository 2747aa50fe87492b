#include "core/idempotency.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/problem.h"
#include "crypto/seal.h"
#include "crypto/token.h"

#define LIFE (86400 * CLOCK_SECOND)

static struct str
binding(struct ctx *x, struct str key)
{
	return arena_fmt(x->arena, "idempotency/answer/%s",
	    hex_encode(x->arena, key).p);
}

/* What the first request with this key left behind. */
static enum err
replay(struct ctx *x, const struct idempotency *i, bool *replayed,
    int *status, struct str *answer)
{
	struct idempotency_find_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(idempotency_find,
	    .key = i->key), &r);

	if (e != E_OK)
		return e;
	if (r->n == 0) /* it failed between our two statements */
		return E_UNAVAILABLE;
	row = idempotency_find_row(r, 0);
	if (!str_eq(row.request, i->request) && !str_eq(row.request, i->raw))
		return E_IDEMPOTENCY;
	if (row.status == 0)
		return problem_later(x, E_IDEMPOTENCY, 0, "The first request "
		    "with this Idempotency-Key is still in progress; please "
		    "try again");
	*replayed = true;
	*status = (int)row.status;
	return unseal(x->arena, x->keys, binding(x, i->key), row.answer,
	    answer);
}

enum err
idempotency_begin(struct ctx *x, struct str scope, struct str key,
    struct str body, const cJSON *json, struct idempotency *out,
    bool *replayed, int *status, struct str *answer)
{
	struct rows *r;
	enum err e;

	*replayed = false;
	out->key = token_hash(x->arena, arena_fmt(x->arena, "%.*s\n%.*s",
	    STR_FMT(scope), STR_FMT(key)));
	out->raw = token_hash(x->arena, body);
	out->request = json ? token_hash(x->arena,
	    json_canonical(x->arena, json)) : out->raw;
	e = db_run(x->db, x->arena, SQL(idempotency_begin, .key = out->key,
	    .request = out->request, .life = LIFE,
	    .makes = uuid_text(x->arena, uuid_v7()), .body = out->raw), &r);
	if (e != E_OK)
		return e;
	if (r->n == 0)
		return replay(x, out, replayed, status, answer);
	x->idempotency_seed = idempotency_begin_row(r, 0).makes;
	return E_OK;
}

struct str
idempotency_id(struct ctx *x, uint8_t nth)
{
	struct uuid id;

	if (!uuid_parse(x->idempotency_seed, &id))
		return uuid_text(x->arena, uuid_v7());
	id.b[15] ^= nth;
	return uuid_text(x->arena, id);
}

void
idempotency_end(struct ctx *x, const struct idempotency *i, int status,
    struct str answer)
{
	if (status >= 500 || status == 429) {
		(void)db_run(x->db, x->arena, SQL(idempotency_leave,
		    .key = i->key), NULL);
		return;
	}
	(void)db_run(x->db, x->arena, SQL(idempotency_finish, .key = i->key,
	    .status = status,
	    .answer = seal(x->arena, x->keys, binding(x, i->key), answer)),
	    NULL);
}
