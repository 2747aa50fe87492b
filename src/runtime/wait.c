#include "runtime/wait.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"

#define POLL_MAX 60000

bool
wait_fd(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - clock_mono();
		int64_t ms = left <= 0 ? 0 : (left + 999) / 1000;
		int n = poll(&p, 1, ms > POLL_MAX ? POLL_MAX : (int)ms);

		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
		if (left <= 0)
			return false;
	}
}
