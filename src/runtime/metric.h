#ifndef RUNTIME_METRIC_H
#define RUNTIME_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Counters and times of all processes of a host, in the memory they share
 * (runtime/shared.h): any worker answers for all of them.
 * Adding is one atomic instruction and never fails.
 */
enum metric {
#define COUNTER(name, family, label, value, help) METRIC_##name,
#include "runtime/metric.def"
#undef COUNTER
	METRIC_COUNT
};

enum metric_time {
	METRIC_TIME_REQUEST, METRIC_TIME_DATABASE, METRIC_TIME_REDIS,
	METRIC_TIMES
};

#define METRIC_BOUNDS 14 /* plus one bucket above the last */

struct metrics {
	_Atomic uint64_t counter[METRIC_COUNT];
	struct {
		_Atomic uint64_t bucket[METRIC_BOUNDS + 1];
		_Atomic uint64_t sum; /* µs */
	} time[METRIC_TIMES];
};

/* From this call on the process counts in m; before, it counts nothing. */
void metric_use(struct metrics *m);

void metric_add(enum metric which);

/* Count good in row `success`, else in the next row, its failure. */
void metric_pair(enum metric success, bool good);

/* Count a hit of the limit with this name in the configuration. */
void metric_limit(const char *name);

/* Count one duration, in µs. */
void metric_took(enum metric_time which, int64_t us);

/* Print everything in Prometheus' text format 0.0.4. */
void metric_print(struct buf *b);

#endif
