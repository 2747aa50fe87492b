#include "worker/circuit.h"

#include "base/backoff.h"
#include "base/clock.h"

#define REFUSED_MAX (30 * CLOCK_SECOND)
#define UNREACHABLE_MAX (2 * CLOCK_SECOND)

void
circuit_fail(struct circuit *c, int64_t now, bool refused)
{
	c->open = true;
	c->probe_at = now + backoff_after(c->failures++, CLOCK_SECOND,
	    refused ? REFUSED_MAX : UNREACHABLE_MAX);
}

bool
circuit_close(struct circuit *c)
{
	bool was = c->open;

	*c = (struct circuit){ 0 };
	return was;
}

bool
circuit_due(const struct circuit *c, int64_t now)
{
	return c->open && now >= c->probe_at;
}
