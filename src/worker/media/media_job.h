#ifndef WORKER_MEDIA_MEDIA_JOB_H
#define WORKER_MEDIA_MEDIA_JOB_H

#include "config/config.h"
#include "runtime/handover.h"

/* One order, from its file to the answer, in a process of its own. */
enum handover_end media_job_run(const struct config *c, int nursery,
    const struct handover_order *o, int reply, int file);

#endif
