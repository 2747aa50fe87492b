#ifndef QUEUE_COURIER_H
#define QUEUE_COURIER_H

#include <sys/types.h>

#include "base/config.h"
#include "queue/job.h"

/*
 * Who brings webhooks: many at once, each endpoint a few, in a process of its
 * own beside the mailer, so that neither waits for the other (row WH10).
 */

/*
 * Deliver until SIGTERM, or, once: until nothing is due. What is under way
 * then has 10 s (row RE12). False: something claimed could not be given back.
 */
bool courier_run(const struct config *c, struct queue *q, bool once);

/* The process; 0: there is none. */
struct courier {
	pid_t pid;
	int64_t again_at; /* µs, monotonic: not to be started before */
};

/*
 * Start it when it does not run. It claims in a name of its own
 * (queue/holder.h), so that its death is seen though its parent lives, and
 * ends with its parent. inherited: descriptors it must not keep, or -1; a
 * lock among them would outlive the parent.
 */
#define COURIER_INHERITS 2
void courier_keep(struct courier *p, const struct config *c,
    const struct keyring *k, const int inherited[COURIER_INHERITS]);

/* Ask it to end; wait until it did. */
void courier_stop(struct courier *p);
void courier_wait(struct courier *p);

#endif
