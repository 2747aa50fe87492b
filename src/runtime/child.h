#ifndef RUNTIME_CHILD_H
#define RUNTIME_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A process of the worker's for what must not hold it up, or has threads
 * that never rest. It ends with the worker.
 */
struct child {
	pid_t pid;	  /* 0: there is none */
	const char *name; /* once started */
	int64_t again_at; /* µs, monotonic: not to be started before */
};

/* Does it not run, and is it time to start it? */
bool child_due(struct child *p);

/*
 * Start it when it is due; no other thread may run then. It calls run(arg) and
 * ends. name is what ps shows, at most 15 bytes. It has the standard
 * descriptors and the log, nothing else that is open in the worker.
 */
void child_keep(struct child *p, const char *name, void (*run)(void *arg),
    void *arg);

/* In the child: was it asked to end? */
bool child_stopping(void);

/* Ask it to end; wait until it did. */
void child_stop(struct child *p);
void child_wait(struct child *p);

#endif
