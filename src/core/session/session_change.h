#ifndef CORE_SESSION_SESSION_CHANGE_H
#define CORE_SESSION_SESSION_CHANGE_H

#include "core/ctx.h"

/*
 * Changes of sessions that this host knows (row SE3): its own, before it
 * answers, and those of other hosts, which it asks Postgres for at most once in
 * 750 ms. Nothing here comes from Redis. A host that could not ask for a second
 * trusts no entry.
 *
 * Times are those of Postgres, the one clock that all hosts share: an entry
 * carries the time its row was read, a change the time it was seen. The table
 * is indexed by a hash of the id: two ids in one place cost a look-up, no more.
 */

/* Postgres' time as this host reckons it: never before the true one. */
int64_t session_change_clock(const struct ctx *x);

/* A session, a user or all ("roles") is about to change. */
void session_change_mark(struct ctx *x, struct str id);

/* Has one of them changed since a row was read at that time? */
bool session_change_since(const struct ctx *x, struct str id, int64_t read);

/* Did this host hear of all changes up to a second ago? */
bool session_change_heard(const struct ctx *x);

/* Is it time to ask again? True for one process of those that see it. */
bool session_change_due(struct ctx *x);

/*
 * Run a step and, in the same round trip, ask what has changed. As db_run for
 * the step.
 */
enum err session_change_ask(struct ctx *x, const struct statement *step,
    struct rows **out);

/* Ask what has changed, and nothing else. */
enum err session_change_hear(struct ctx *x);

#endif
