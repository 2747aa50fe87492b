#ifndef CORE_ACCESS_ACTOR_H
#define CORE_ACCESS_ACTOR_H

#include "core/ctx.h"

/*
 * db_run for a statement whose effect outlives the session or key that asks for
 * it, in one round trip. Nothing happens unless the caller may still act when
 * the statement takes effect (E_TOKEN_INVALID): the gate judged the caller
 * earlier, and another host may have ended the session since. An operator's
 * program acts for nobody and is not checked.
 */
enum err actor_run(struct ctx *x, struct statement s, struct rows **out);

/*
 * The step that precedes such a statement in a batch, where there is a caller.
 */
#define ACTOR_HOLDS(x) SQL(actor_holds, .user_id = (x)->actor_user, \
	.actor_id = (x)->actor)

#endif
