#ifndef WEB_RELOAD_H
#define WEB_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * What the master does on SIGHUP: it puts a new program or configuration in
 * place of the running one without refusing a connection. It runs the program
 * with --check, then executes it in its own process. The listening socket
 * stays open, the old workers stay its children and end once the new ones are
 * ready.
 */

/*
 * Remember how this process was started. Call first in main: later the
 * environment is scrubbed of secrets, which the next program needs.
 */
void reload_remember(int argc, char **argv);

/* Wipe what was remembered; for workers, which do not need it. */
void reload_forget(void);

/*
 * Take over the file in which the answer of a manager of secrets lies, or is
 * to be left, when this process is a check or the new program.
 */
void reload_use_answer(void);
/* The settings are read, or refused: wipe the answer and forget the file. */
void reload_drop_answer(void);

/* Start the program with --check: its pid, or -1. Exit status 0 is a pass. */
pid_t reload_check(void);

/*
 * Become the new program, which finds listen_fd and the workers by
 * reload_adopt. Returns only on failure, with errno.
 */
void reload_exec(int listen_fd, const pid_t *workers, size_t n);

/*
 * In the new program: the listening descriptor, and up to room children of
 * the old one (*n). False when this process was not put in place of another.
 */
bool reload_adopt(int *listen_fd, pid_t *workers, size_t room, size_t *n);

#endif
