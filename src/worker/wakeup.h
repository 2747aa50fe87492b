#ifndef WORKER_WAKEUP_H
#define WORKER_WAKEUP_H

#include <stdbool.h>

/*
 * The receiving end of job_wake: <runtime_dir>/worker.sock, mode 0660. One
 * worker of a host holds it; the others poll, and the next takes it over when
 * that one is gone.
 */
struct wakeup {
	const char *dir;
	int fd; /* -1: held by another, or not to be had */
};

struct wakeup wakeup_new(const char *runtime_dir);

/* Take the socket when nobody has it. Cheap; to be called at each poll. */
void wakeup_take(struct wakeup *w);

/* Forget what arrived: many datagrams are one call. */
void wakeup_drain(struct wakeup *w);

/* Unlink it, when ours, and close. */
void wakeup_close(struct wakeup *w);

#endif
