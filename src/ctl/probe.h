#ifndef CTL_PROBE_H
#define CTL_PROBE_H

#include "base/arena.h"

/*
 * Is there a mail relay at host and port? Connects within timeout_ms and,
 * where greets, waits for its "220". NULL: yes; else a reason.
 */
const char *probe_smtp(struct arena *a, const char *host, long port,
    bool greets, int timeout_ms);

/* Does a living process hold <dir>/worker.sock? NULL or a reason. */
const char *probe_worker(struct arena *a, const char *dir);

/* May this user make files in dir? NULL or a reason. */
const char *probe_dir(struct arena *a, const char *dir);

#endif
