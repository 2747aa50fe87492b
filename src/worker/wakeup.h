#ifndef WORKER_WAKEUP_H
#define WORKER_WAKEUP_H

#include <stdbool.h>

/*
 * The receiving end of job_wake: <runtime_dir>/worker.sock, mode 0660. One
 * worker of a host holds the socket; the others poll, and one of them takes
 * the socket over when its holder is gone.
 */
struct wakeup {
	const char *dir;
	int fd; /* -1: another worker has it, or it cannot be made */
};

struct wakeup wakeup_new(const char *runtime_dir);

/* Take the socket when nobody has it. Cheap: call it at each poll. */
void wakeup_take(struct wakeup *w);

/* Drop the datagrams that arrived: together they are one wake-up. */
void wakeup_drain(struct wakeup *w);

/* Close the socket, and unlink it if it is ours. */
void wakeup_close(struct wakeup *w);

#endif
