#ifndef WORKER_EVENTS_EVENTS_PUBLISHER_H
#define WORKER_EVENTS_EVENTS_PUBLISHER_H

#include "config/config.h"
#include "runtime/child.h"
#include "worker/job/job.h"

/*
 * Who brings events to Kafka: of all workers one at a time, in a process of
 * its own. A topic's oldest events go out together; when all of them are
 * answered for, the next follow. So what a key reads first of each event is in
 * order, whatever stops or stalls; what was under way then may come twice,
 * with the same event_id. Out of turn come dead letters that are sent again.
 */

/*
 * Publish until the process is asked to stop, or, once: what is there, as long
 * as the brokers take it. What is under way at the end has 10 s (row RE12).
 */
void events_publisher_run(const struct config *c, struct queue *q, bool once);

/*
 * Keep its process, where kafka.enabled says so; its lease is in the name of
 * holder.
 */
void events_publisher_keep(struct child *p, const struct config *c,
    const struct keyring *k, struct str holder);

#endif
