#ifndef WORKER_UPKEEP_AUDIT_SEAL_H
#define WORKER_UPKEEP_AUDIT_SEAL_H

#include "crypto/keyring.h"
#include "store/pg/db.h"

/*
 * The sealer of the audit log (row LO4): rows become links of the chain a
 * moment after they were written. Every hour, and when it begins, the end of
 * the chain is written to the log of the process, which is kept elsewhere than
 * the database: "posternctl audit verify --checkpoint" finds what was cut off.
 */
struct audit_seal {
	int64_t look_at;  /* µs, monotonic */
	int64_t month_at; /* when to look for next months' partitions */
	int64_t told_at;
};

/* Seal a batch. True when there is more to do at once. */
bool audit_seal_step(struct audit_seal *s, struct db *db, struct arena *a,
    const struct keyring *k);

#endif
