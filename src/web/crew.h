#ifndef WEB_CREW_H
#define WEB_CREW_H

#include "config/config.h"

/* How many workers of each kind; with heavy 0 the light ones do all. */
struct crew {
	int light, heavy;
};

/*
 * service.workers and service.heavy_workers; 0 means a number by the cores of
 * this host. Each worker holds a connection, so there are no more than
 * database.max_connections; where that is too few, both kinds shrink in
 * proportion.
 */
struct crew crew_of(const struct config *c, int cores);

/* The number of cores that are online on this host, 1 to 128. */
int crew_cores(void);

#endif
