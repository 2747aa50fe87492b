#ifndef WORKER_UPKEEP_AUDIT_KEEP_H
#define WORKER_UPKEEP_AUDIT_KEEP_H

#include "config/config.h"
#include "crypto/keyring.h"
#include "store/pg/db.h"

/*
 * How long the audit log is kept (rows LO2, PV4): failed logins, addresses in
 * full, rows at all, each by its setting. What is taken away is marked in the
 * chain, so that "posternctl audit verify" tells it from what somebody else
 * took. A row that does not hold is left as it is: it is evidence.
 */
struct audit_keep {
	bool running; /* set it: go over what is old */
	int hand;
};

/* Go over a batch, when it runs. True when there is more to do at once. */
bool audit_keep_step(struct audit_keep *s, struct db *db, struct arena *a,
    const struct keyring *k, const struct config *c);

#endif
