#ifndef RUNTIME_CHILD_H
#define RUNTIME_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A process that the worker starts for a task which must not hold the worker
 * up, or has threads that never rest. It ends with the worker.
 */
struct child {
	pid_t pid;	  /* 0: there is none */
	const char *name; /* once started */
	int64_t again_at; /* µs, monotonic: earliest next start */
	int also;	  /* a descriptor that the child keeps; 0: none */
};

/* Is the child not running, and is it time to start it? */
bool child_due(struct child *p);

/*
 * Start the child when it is due; no other thread may run then. The child calls
 * run(arg) and ends. name is what ps shows, at most 15 bytes. Of the worker's
 * descriptors the child keeps only the standard ones, the log, and `also`.
 */
void child_keep(struct child *p, const char *name, void (*run)(void *arg),
    void *arg);

/* In the child: has it been asked to end? */
bool child_stopping(void);

/* Ask the child to end; wait until it has ended. */
void child_stop(struct child *p);
void child_wait(struct child *p);

#endif
