#ifndef CTL_DOCTOR_DOCTOR_PROBE_H
#define CTL_DOCTOR_DOCTOR_PROBE_H

#include "base/arena.h"

/* How bad is it? A FAULT keeps the service from working. */
enum finding { FINE, WARNING, FAULT };

/* Does a living process hold <dir>/worker.sock? NULL or a reason. */
const char *doctor_probe_worker(struct arena *a, const char *dir);

/* Does anything answer at a numeric address and port? NULL or a reason. */
const char *doctor_probe_port(struct arena *a, const char *address, long port);

/* May this user make files in dir? NULL or a reason. */
const char *doctor_probe_dir(struct arena *a, const char *dir);

/*
 * Could lines be added to the log file at path, "" for standard error? *detail
 * says where they go, or what to do.
 */
enum finding doctor_probe_log(struct arena *a, const char *path,
    struct str *detail);

#endif
