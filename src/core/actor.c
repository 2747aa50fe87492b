#include "core/actor.h"

enum err
actor_run(struct ctx *x, enum query q, const struct arg *args, int nargs,
    struct rows **out)
{
	const struct arg who[] = { A_STR(x->actor_user), A_STR(x->actor) };
	const struct db_step steps[] = { { Q_ACTOR_HOLDS, who, 2 },
		{ q, args, nargs } };
	struct rows *r[2];
	enum err e;

	if (x->actor.n == 0)
		return db_run(x->db, x->arena, q, args, nargs, out);
	e = db_batch(x->db, x->arena, steps, 2, r);
	if (e == E_OK && out)
		*out = r[1];
	return e;
}
