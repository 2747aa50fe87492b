#ifndef WORKER_MEDIA_MEDIA_PROCESS_H
#define WORKER_MEDIA_MEDIA_PROCESS_H

#include "config/config.h"
#include "runtime/child.h"

/*
 * postern-media, a process of the worker: takes pictures that web processes of
 * this host hand over (runtime/handover.h), has them decoded in the nursery and
 * puts them into the store. It alone of those who touch a picture may connect
 * or write a file; web processes may neither, and the decoder nothing. No SQL.
 */

/* Start it when it is due and pictures are kept at all. */
void media_process_keep(struct child *p, const struct config *c);

/* How many pictures are worked on at once. */
int media_process_most(const struct config *c);

#endif
