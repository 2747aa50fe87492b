#ifndef WORKER_EVENTS_EVENTS_PUBLISHER_H
#define WORKER_EVENTS_EVENTS_PUBLISHER_H

#include "config/config.h"
#include "runtime/child.h"
#include "worker/job/job.h"

/*
 * The publisher brings events to Kafka. One publisher works at a time, among
 * all workers, in a process of its own. It sends a topic's oldest events
 * together and the next ones when the broker has answered for all of them. So
 * the first copy of each event of a key arrives in order, whatever stops or
 * stalls; events that were under way then may arrive twice, with the same
 * event_id. Only dead letters that are sent again arrive out of order.
 */

/*
 * Publish until the process is asked to stop; with once, publish the events
 * that are there, as long as the brokers take them. Messages under way at the
 * end have 10 s (row RE12).
 */
void events_publisher_run(const struct config *c, struct queue *q, bool once);

/*
 * Keep a publisher process running where kafka.enabled; it takes its lease as
 * holder.
 */
void events_publisher_keep(struct child *p, const struct config *c,
    const struct keyring *k, struct str holder);

#endif
