#ifndef RUNTIME_ENVIRON_H
#define RUNTIME_ENVIRON_H

#include <stddef.h>

/*
 * A copy of the environment at the start. config_load wipes the secrets from
 * the process's environment (row CF2), yet reading the settings again, or
 * executing another program in this one's place, needs them as given.
 */

/* Make the copy. Call first in main. */
void environ_keep(void);

/* The copy, n entries and a NULL. */
char **environ_kept(size_t *n);

/* Restore the environment from the copy; config_load wipes it again. */
void environ_restore(void);

/* Wipe the copy. For children, which do not need it. */
void environ_forget(void);

#endif
