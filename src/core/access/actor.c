#include "core/access/actor.h"

bool
actor_step(struct ctx *x, struct arg who[2], struct db_step *out)
{
	who[0] = A_STR(x->actor_user);
	who[1] = A_STR(x->actor);
	*out = (struct db_step){ Q_ACTOR_HOLDS, who, 2 };
	return x->actor.n > 0;
}

enum err
actor_run(struct ctx *x, enum query q, const struct arg *args, int nargs,
    struct rows **out)
{
	struct arg who[2];
	struct db_step steps[2] = { [1] = { q, args, nargs } };
	struct rows *r[2];
	enum err e;

	if (!actor_step(x, who, &steps[0]))
		return db_run(x->db, x->arena, q, args, nargs, out);
	e = db_batch(x->db, x->arena, steps, 2, r);
	if (e == E_OK && out)
		*out = r[1];
	return e;
}
