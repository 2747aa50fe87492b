#ifndef CORE_SESSION_CACHE_H
#define CORE_SESSION_CACHE_H

#include "core/limit.h"

/*
 * Rows of the query session_load in Redis, for 5 s (row SE8): a copy that may
 * be absent, lost or old, and lets nobody in who is not. What may have changed
 * is marked stale; who cannot mark, or finds another Redis or another content
 * than before, has this host ask Postgres for 8 s.
 */
#define SESSION_CELLS 23

struct session_found {
	bool hit;	 /* row is what Postgres said a moment ago */
	bool keep;	 /* what Postgres says now may be kept */
	struct rows row;
};

/*
 * One round trip: take from limit (may be NULL) and look for the session.
 * E_OK, E_LIMITED, or E_UNAVAILABLE, which is a miss and nothing taken.
 */
enum err session_cache_find(struct ctx *x, struct limit *limit,
    struct str session_id, struct str user_id, struct session_found *out);

void session_cache_keep(struct ctx *x, struct str session_id,
    const struct rows *r);

/* Entries of this session or user, or of all ("roles"), are about to lie. */
void session_cache_mark(struct ctx *x, struct str what);

#endif
