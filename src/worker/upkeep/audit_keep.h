#ifndef WORKER_UPKEEP_AUDIT_KEEP_H
#define WORKER_UPKEEP_AUDIT_KEEP_H

#include "config/config.h"
#include "crypto/keyring.h"
#include "store/pg/db.h"

/*
 * Ends what the audit log no longer keeps (rows LO2, PV4): failed logins, full
 * addresses, whole rows, each by its setting. The chain marks each deletion, so
 * that "posternctl audit verify" can tell it from a deletion by somebody else.
 * A row that does not match its seal stays as it is: it is evidence.
 */
struct audit_keep {
	bool running; /* the caller sets it: begin a run over old rows */
	int hand;
};

/* Do one batch of a run. True when there is more to do at once. */
bool audit_keep_step(struct audit_keep *s, struct db *db, struct arena *a,
    const struct keyring *k, const struct config *c);

#endif
