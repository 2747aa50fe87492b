#ifndef WORKER_MEDIA_MEDIA_SWEEP_H
#define WORKER_MEDIA_MEDIA_SWEEP_H

#include "config/config.h"
#include "store/pg/db.h"

/*
 * Removes objects that no profile shows: replaced or deleted pictures, those of
 * erased accounts, and what an upload that failed may have left (row MU8). One
 * at a time; postern-media does it, so that nobody waits for the store here.
 */
struct media_sweep {
	int fd;		 /* where its answer comes; 0: none is under way */
	struct str key;	 /* of the object, in room */
	char room[160];
	int64_t look_at; /* µs, monotonic */
	int64_t until;	 /* of the answer */
};

/* True when there is more to do at once. */
bool media_sweep_step(struct media_sweep *s, struct db *db, struct arena *a,
    const struct config *c);

#endif
