#include "core/idempotency.h"

#include "base/clock.h"
#include "base/encoding.h"
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
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_IDEMPOTENCY_FIND, &r,
	    A_BYTES(i->key));

	if (e != E_OK)
		return e;
	if (r->n == 0) /* it failed between our two statements */
		return E_UNAVAILABLE;
	if (!str_eq(row_bytes(x->arena, r, 0, 0), i->request) &&
	    !str_eq(row_bytes(x->arena, r, 0, 0), i->raw))
		return E_IDEMPOTENCY;
	if (row_null(r, 0, 1)) {
		x->sentence = "The first request with this Idempotency-Key is "
		    "still in progress; please try again";
		x->retry_after = 1;
		return E_IDEMPOTENCY;
	}
	*replayed = true;
	*status = (int)row_int(r, 0, 1);
	return unseal(x->arena, x->keys, binding(x, i->key),
	    row_bytes(x->arena, r, 0, 2), answer);
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
	e = db_exec(x->db, x->arena, Q_IDEMPOTENCY_BEGIN, &r,
	    A_BYTES(out->key), A_BYTES(out->request), A_INT(LIFE),
	    A_STR(uuid_text(x->arena, uuid_v7())), A_BYTES(out->raw));
	if (e != E_OK)
		return e;
	if (r->n == 0)
		return replay(x, out, replayed, status, answer);
	x->idempotency_seed = row_str(r, 0, 0);
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
		(void)db_exec(x->db, x->arena, Q_IDEMPOTENCY_LEAVE, NULL,
		    A_BYTES(i->key));
		return;
	}
	(void)db_exec(x->db, x->arena, Q_IDEMPOTENCY_FINISH, NULL,
	    A_BYTES(i->key), A_INT(status),
	    A_BYTES(seal(x->arena, x->keys, binding(x, i->key), answer)));
}
