#ifndef CORE_ACCESS_ACTOR_H
#define CORE_ACCESS_ACTOR_H

#include "core/ctx.h"

/*
 * db_run for what stays when a session or key ends, in one round trip: nothing
 * happens unless who asks may still act when the statement takes effect
 * (E_TOKEN_INVALID). The gate judged him before, on another host up to a second
 * ago. A program of the operator, which acts for nobody, is not asked.
 */
enum err actor_run(struct ctx *x, struct statement s, struct rows **out);

/* The step before such a statement in a batch, where somebody asks. */
#define ACTOR_HOLDS(x) SQL(actor_holds, .user_id = (x)->actor_user, \
	.actor_id = (x)->actor)

#endif
