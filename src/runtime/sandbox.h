#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include <stdbool.h>

/*
 * What a process may ask of the kernel (seccomp), so that whoever takes it over
 * by its input does not get a machine with it. Two answers to what a program
 * does not need:
 *
 *   what only an attacker asks for ends the process (SIGSYS): running a
 *   program, tracing another process, other families of sockets, opening for
 *   writing where the program writes no file. The parent's log tells of it,
 *   and another process takes the place.
 *   what is merely unknown is refused with EPERM: a library of tomorrow that
 *   tries something new goes on without it.
 *
 * A filter is inherited and cannot be taken off: a parent may do what its
 * children may, and besides start them. The master runs programs (a reload),
 * which would inherit a list of today, so it has no list: what ends it is
 * all that is forbidden there.
 */
enum sandbox {
	SANDBOX_MASTER,	 /* the web process that starts workers */
	SANDBOX_WEB,	 /* a worker, or the process of one CGI request */
	SANDBOX_QUEUE,	 /* postern-worker; its two children below */
	SANDBOX_COURIER,
	SANDBOX_EVENTS,
};

/*
 * First thing in main: no core, memory that other processes of the same user
 * can neither read nor trace (PR_SET_DUMPABLE; root may), and no program it
 * runs ever gets more rights than it has.
 */
void sandbox_private(void);

/*
 * From here on. Everything that is opened for writing once is open by then. A
 * kernel that has no filters is said in the log and done without; a program
 * built without libseccomp, or with sanitizers, has none. Calling it again in
 * the same process changes nothing.
 */
void sandbox_enter(enum sandbox which);

/* Are there filters in this program? */
bool sandbox_built(void);

#endif
