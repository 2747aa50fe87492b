#ifndef WORKER_HOST_LOCK_H
#define WORKER_HOST_LOCK_H

#include "base/arena.h"
#include "base/encoding.h"

/*
 * Who holds leases on this host. Each worker keeps a lock on
 * <runtime_dir>/worker-<uuid>.lock; the kernel releases the lock however the
 * worker dies. The next worker finds the file unlocked and gives back the
 * leases of that uuid at once, instead of a minute later. Without a writable
 * directory leases simply run out.
 */
struct host_lock {
	struct uuid id;
	int fd; /* -1: no lock, so others do not see us */
};

struct host_lock host_lock_new(struct arena *a, const char *runtime_dir);

/* Remove the file, once every lease is given back. */
void host_lock_leave(struct host_lock *h, struct arena *a,
    const char *runtime_dir);

/*
 * Call dead(arg, uuid text) for each worker of this host that died; remove the
 * worker's file when dead answers true.
 */
void host_lock_reap(struct arena *a, const char *runtime_dir,
    bool (*dead)(void *arg, struct str id), void *arg);

#endif
