#ifndef RUNTIME_WAIT_H
#define RUNTIME_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Wait for events (poll(2)) on fd until deadline, monotonic µs; false when that
 * came first. True too where poll fails: the next call on fd names the error.
 */
bool wait_fd(int fd, short events, int64_t deadline);

#endif
