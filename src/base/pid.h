#ifndef BASE_PID_H
#define BASE_PID_H

#include <sys/types.h>

/*
 * getpid() without a system call each time: to see that something was opened
 * before a fork, and for the log. Right in a child of fork(), from any thread.
 */
pid_t pid_self(void);

#endif
