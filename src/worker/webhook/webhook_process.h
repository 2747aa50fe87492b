#ifndef WORKER_WEBHOOK_WEBHOOK_PROCESS_H
#define WORKER_WEBHOOK_WEBHOOK_PROCESS_H

#include "config/config.h"
#include "runtime/child.h"
#include "worker/job/job.h"

/*
 * Who brings webhooks: many at once, each endpoint a few, in a process of its
 * own beside the mailer, so that neither waits for the other (row WH10).
 */

/*
 * Deliver until SIGTERM, or, once: until nothing is due. What is under way
 * then has 10 s (row RE12). False: something claimed could not be given back.
 */
bool webhook_process_run(const struct config *c, struct queue *q, bool once);

/*
 * Keep its process. It claims in a name of its own (worker/host_lock.h), so
 * that
 * its death is seen though its parent lives.
 */
void webhook_process_keep(struct child *p, const struct config *c,
    const struct keyring *k);

#endif
