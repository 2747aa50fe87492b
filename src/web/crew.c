#include "web/crew.h"

#include <unistd.h>

#include "web/master.h"

#define HEAVY_PER_CORE 2 /* one hashes while another reads or answers */

int
crew_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 128 ? 128 : (int)n;
}

static struct crew
shrunk(struct crew k, long most)
{
	long light = most * k.light / (k.light + k.heavy);

	k.light = light < 1 ? 1 : (int)light;
	k.heavy = (int)most - k.light;
	return k;
}

struct crew
crew_of(const struct config *c, int cores)
{
	long most = c->db_max_connections;
	struct crew k = {
		.light = c->workers > 0 ? (int)c->workers : cores,
		.heavy = c->heavy_workers > 0 ? (int)c->heavy_workers :
						cores * HEAVY_PER_CORE,
	};

	if (most > MASTER_WORKERS)
		most = MASTER_WORKERS;
	return k.light + k.heavy > most ? shrunk(k, most) : k;
}
