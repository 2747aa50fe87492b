#ifndef WORKER_ASKER_H
#define WORKER_ASKER_H

#include <stdbool.h>

/*
 * The process that asks the manager of secrets when postern-worker reads its
 * settings anew: the worker itself may not run programs then. It is told
 * nothing but "now", so who takes the worker over can choose neither a program
 * nor an address; it answers by leaving the manager's answer where the
 * configuration looks for one (config_answer_at).
 */

/*
 * Start it, before the worker limits its system calls. read(arg) reads the
 * settings, in a child of it. False: there is none.
 */
bool asker_start(void (*read)(void *arg), void *arg);

/* Have the settings read there; waits until that is over, 10 s at most. */
void asker_ask(void);
/* The answer was taken: wipe it. */
void asker_wipe(void);

#endif
