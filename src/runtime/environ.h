#ifndef RUNTIME_ENVIRON_H
#define RUNTIME_ENVIRON_H

#include <stddef.h>

/*
 * The environment of the start. config_load wipes its secrets from the
 * process's own (row CF2), yet who reads the settings again, or executes
 * another program in this one's place, needs them as they were given.
 */

/* Copy it. Call first in main. */
void environ_keep(void);

/* The copy, n entries and a NULL. */
char **environ_kept(size_t *n);

/* Put what was kept back, for config_load to read and wipe again. */
void environ_restore(void);

/* Wipe the copy: in children, which have no use for it. */
void environ_forget(void);

#endif
