#ifndef WORKER_WEBHOOK_WEBHOOK_PROCESS_H
#define WORKER_WEBHOOK_WEBHOOK_PROCESS_H

#include "config/config.h"
#include "runtime/child.h"
#include "worker/job/job.h"

/*
 * The process that sends webhooks: many at once, a few to each endpoint. It
 * runs beside the mailer, so that neither waits for the other (row WH10).
 */

/*
 * Deliver until SIGTERM or, with once, until nothing is due. Transfers under
 * way then have 10 s (row RE12). False: a claim could not be given back.
 */
bool webhook_process_run(const struct config *c, struct queue *q, bool once);

/*
 * Keep this process running. It claims in a name of its own
 * (worker/host_lock.h), so that its death is seen while its parent lives.
 */
void webhook_process_keep(struct child *p, const struct config *c,
    const struct keyring *k);

#endif
