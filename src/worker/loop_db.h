#ifndef WORKER_LOOP_DB_H
#define WORKER_LOOP_DB_H

#include "config/config.h"
#include "store/pg/db.h"

/*
 * The worker's database door, by the settings; a must outlive it. Each process
 * of the worker opens its own.
 */
struct db *loop_db(struct arena *a, const struct config *c);

#endif
