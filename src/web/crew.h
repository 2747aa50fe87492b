#ifndef WEB_CREW_H
#define WEB_CREW_H

#include "config/config.h"

/* How many workers of each kind; without a heavy one a light one does all. */
struct crew {
	int light, heavy;
};

/*
 * service.workers and service.heavy_workers, 0 by the cores of this host.
 * Each worker holds a connection, so there are no more than
 * database.max_connections; where that is too few both kinds shrink in
 * proportion.
 */
struct crew crew_of(const struct config *c, int cores);

/* Cores that this host has online, 1 to 128. */
int crew_cores(void);

#endif
