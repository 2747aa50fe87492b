#include "base/pid.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

static _Atomic pid_t known; /* 0: not asked yet in this process */
static bool watched; /* a child of fork() will forget it */

static void
forget_pid(void)
{
	atomic_store(&known, 0);
}

static void
watch_forks(void)
{
	watched = pthread_atfork(NULL, NULL, forget_pid) == 0;
}

pid_t
pid_self(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pid_t pid = atomic_load_explicit(&known, memory_order_relaxed);

	if (pid == 0) {
		pthread_once(&once, watch_forks);
		pid = getpid();
		if (watched)
			atomic_store(&known, pid);
	}
	return pid;
}
