#ifndef CORE_SESSION_SESSION_CACHE_H
#define CORE_SESSION_SESSION_CACHE_H

#include "core/ctx.h"

/*
 * Rows of the query session_load in Redis, for 5 s (row SE8): a copy that may
 * be absent, lost, old or somebody's work, and can only ever cost a look-up.
 * An entry is believed when its code is of this instance's key over session,
 * user, time and cells, when it is younger than 5 s by what it says itself, and
 * when this host knows of no change since (core/session/session_change.h). A
 * mark in Redis lets other hosts know at once; that it is missing says nothing.
 */

struct session_found {
	bool hit;	 /* row is what Postgres said a moment ago */
	bool keep;	 /* what Postgres says now may be kept */
	bool ask;	 /* … and is to be asked what else has changed */
	struct rows row;
};

/*
 * One round trip, if any. What Redis does not say is a miss. out: zeroes, or
 * ask where the caller is the one to ask what has changed.
 */
void session_cache_find(struct ctx *x, struct str session_id,
    struct str user_id, struct session_found *out);

/* r: a row of session_load, whose last cell is the time at which it was so. */
void session_cache_keep(struct ctx *x, struct str session_id,
    struct str user_id, const struct rows *r);

/*
 * Entries of this session or user, or all entries ("roles"), are about to be
 * outdated: those in the memory of this host, and those in Redis.
 */
void session_cache_mark(struct ctx *x, struct str what);

#endif
