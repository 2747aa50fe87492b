#ifndef CORE_SESSION_SESSION_ENTRY_H
#define CORE_SESSION_SESSION_ENTRY_H

#include "core/ctx.h"

/*
 * A row of the query session_load as bytes, for the places that keep it a few
 * seconds: Redis (core/session/session_cache.h) and the memory of the host
 * (core/session/session_proved.h).
 */
#define SESSION_ENTRY_LIFE (5 * CLOCK_SECOND) /* row SE8 */

/* The row behind `head` bytes that are the caller's to fill. */
struct str session_entry_pack(struct ctx *x, size_t head,
    const struct rows *r);

/* False for anything that session_entry_pack did not make. */
bool session_entry_unpack(struct ctx *x, struct str cells, struct rows *r);

/*
 * May what Postgres said at that time of its clock be believed still: no more
 * than SESSION_ENTRY_LIFE ago, and nothing has changed since?
 */
bool session_entry_holds(const struct ctx *x, struct str session_id,
    struct str user_id, int64_t read);

/* Has this host heard of a change of the session, the user or all since? */
bool session_entry_changed(const struct ctx *x, struct str session_id,
    struct str user_id, int64_t read);

#endif
