#ifndef QUEUE_WORKER_H
#define QUEUE_WORKER_H

#include "base/config.h"
#include "crypto/keyring.h"
#include "store/db.h"

/* The worker's connection, as the settings say; a must outlive it. */
struct db *worker_db(struct arena *a, const struct config *c);

/*
 * Work the queue until SIGTERM or SIGINT: claim, send, record, wait for a
 * wake-up or a second. Mails under way have 10 s to end, the rest of what was
 * claimed is given back (row RE12). Neither a lost database nor a lost
 * relay ends it.
 * once: work off what is due and return. Returns the exit status of the
 * process.
 */
int worker_run(const struct config *c, const struct keyring *k, struct db *db,
    bool once);

#endif
