#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include <stdbool.h>

/*
 * Limits the system calls of a process (seccomp), so that an attacker who takes
 * it over by its input does not gain the machine. A call that a program does
 * not need has one of two answers:
 *
 *   A call that only an attacker makes ends the process (SIGSYS): running a
 *   program, tracing another process, other families of sockets, opening for
 *   writing where the program writes no file. The parent logs it and starts
 *   another process in its place.
 *   Any other call is refused with EPERM: a future library that tries
 *   something new goes on without it.
 *
 * A filter is inherited and cannot be removed: a parent may do all that its
 * children may, and also start them. The master runs programs (a reload), which
 * would inherit a list made for this version, so the master allows every call
 * but those that end it.
 */
enum sandbox {
	SANDBOX_MASTER,	 /* who starts workers, or decoders */
	SANDBOX_WEB,	 /* a worker, or the process of one CGI request */
	SANDBOX_QUEUE,	 /* postern-worker; three children below */
	SANDBOX_COURIER,
	SANDBOX_EVENTS,
	SANDBOX_MEDIA,	 /* stores pictures; of the worker, too */
	SANDBOX_DECODER, /* decodes one picture: nothing but memory */
};

/*
 * Call first in main: no core files; other processes of the same user can
 * neither read nor trace this one (PR_SET_DUMPABLE; root can); and no program
 * it runs ever gets more rights than it has.
 */
void sandbox_private(void);

/*
 * Install the filter. Files that are opened for writing once must be open
 * before. On a kernel without filters the process logs that and goes on; a
 * program built without libseccomp, or with sanitizers, has no filter. Calling
 * this again in the same process changes nothing.
 */
void sandbox_enter(enum sandbox which);

/* Was this program built with filters? */
bool sandbox_built(void);

#endif
