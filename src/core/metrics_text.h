#ifndef CORE_METRICS_TEXT_H
#define CORE_METRICS_TEXT_H

#include "core/ctx.h"

/*
 * What /metrics shows: the counters of all workers of this host and the state
 * of the queue. Only for metrics.networks (row LO6): E_NETWORK.
 */
enum err metrics_text(struct ctx *x, struct str *out);

#endif
