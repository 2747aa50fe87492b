#ifndef WORKER_CIRCUIT_H
#define WORKER_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the relay is worth a try. While it is not, jobs stay due and lose
 * no attempt, and the worker probes the relay: after 1 s, then every 2 s when
 * the relay cannot be reached (so mail goes out within seconds of its return),
 * up to every 30 s when it refuses us, which time does not cure and repetition
 * makes worse.
 */
struct circuit {
	bool open;
	int failures;
	int64_t probe_at; /* µs, monotonic */
};

void circuit_fail(struct circuit *c, int64_t now, bool refused);
/* True when the circuit was open. */
bool circuit_close(struct circuit *c);
/* Is a probe due? */
bool circuit_due(const struct circuit *c, int64_t now);

#endif
