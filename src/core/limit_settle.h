#ifndef CORE_LIMIT_SETTLE_H
#define CORE_LIMIT_SETTLE_H

#include "core/ctx.h"

/*
 * The general limits (user, anonymous, admin, keys) are counted in the memory
 * of each host (runtime/shared_count.h) and settled with the other hosts by
 * Redis behind the requests: what was let in here is told, what was let in
 * elsewhere is heard, at most each 100 ms, in one call for many.
 *
 * A host lets in what the others do not know yet up to an allowance: a tenth
 * of the limit, shared by the hosts. Past it a request settles its own window
 * first. So all of them together exceed a limit by a tenth at most, and one
 * host alone by nothing. Without Redis each host counts for itself.
 */

/* How much of a limit may be owed to the others. */
long limit_allowance(const struct ctx *x, long max);

/* Settle one window now. E_OK, or E_UNAVAILABLE: the host is on its own. */
enum err limit_settle_one(struct ctx *x, size_t place);

/*
 * Was the last settling so many µs ago, and is there something to tell? True
 * for one process of those that ask.
 */
bool limit_settle_due(struct ctx *x, int64_t every);

/* How long a request waits for somebody else to do it (web/keeper.h). */
#define LIMIT_SETTLE_LATE (200 * CLOCK_MS)

/* Settle all windows that owe something. */
void limit_settle(struct ctx *x);

#endif
