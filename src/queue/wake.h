#ifndef QUEUE_WAKE_H
#define QUEUE_WAKE_H

#include <stdbool.h>

/*
 * The receiving end of job_wake: <runtime_dir>/worker.sock, mode 0660. One
 * worker of a host holds it; the others poll, and the next takes it over when
 * that one is gone.
 */
struct wake {
	const char *dir;
	int fd; /* -1: held by another, or not to be had */
};

struct wake wake_new(const char *runtime_dir);

/* Take the socket when nobody has it. Cheap; to be called at each poll. */
void wake_take(struct wake *w);

/* Forget what arrived: many datagrams are one call. */
void wake_drain(struct wake *w);

/* Unlink it, when ours, and close. */
void wake_close(struct wake *w);

#endif
