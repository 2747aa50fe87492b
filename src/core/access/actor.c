#include "core/access/actor.h"

enum err
actor_run(struct ctx *x, struct statement s, struct rows **out)
{
	const struct statement steps[2] = { ACTOR_HOLDS(x), s };
	struct rows *r[2];
	enum err e;

	if (x->actor.n == 0)
		return db_run(x->db, x->arena, s, out);
	e = db_batch(x->db, x->arena, steps, 2, r);
	if (e == E_OK && out)
		*out = r[1];
	return e;
}
