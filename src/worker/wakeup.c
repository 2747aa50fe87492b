#include "worker/wakeup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

struct wakeup
wakeup_new(const char *runtime_dir)
{
	return (struct wakeup){ runtime_dir, -1 };
}

static bool
wakeup_address(const struct wakeup *w, struct sockaddr_un *to)
{
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(to->sun_path, sizeof(to->sun_path), "%s/worker.sock",
	    w->dir) < (int)sizeof(to->sun_path);
}

/* Does a living process hold the socket? A connect tells. */
static bool
is_held(int fd, const struct sockaddr_un *at)
{
	return connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;
}

void
wakeup_take(struct wakeup *w)
{
	struct sockaddr_un at;
	mode_t before;
	int fd, rc;

	if (w->fd >= 0 || !wakeup_address(w, &at))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (is_held(fd, &at)) {
		close(fd);
		return;
	}
	unlink(at.sun_path);
	/* The web processes are in our group. */
	before = umask(0117);
	rc = bind(fd, (const struct sockaddr *)&at, sizeof(at));
	umask(before);
	if (rc < 0) {
		log_debug("no wake-up socket, polling",
		    log_c("path", at.sun_path), log_c("why", strerror(errno)));
		close(fd);
		return;
	}
	w->fd = fd;
}

void
wakeup_drain(struct wakeup *w)
{
	char byte;

	while (w->fd >= 0 && recv(w->fd, &byte, 1, MSG_DONTWAIT) >= 0)
		;
}

void
wakeup_close(struct wakeup *w)
{
	struct sockaddr_un at;

	if (w->fd < 0)
		return;
	if (wakeup_address(w, &at))
		unlink(at.sun_path);
	close(w->fd);
	w->fd = -1;
}
