#include "runtime/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or "@" and a name in the abstract namespace (sd_notify(3)). */
static socklen_t
notify_address(struct sockaddr_un *to, const char *where)
{
	size_t n = strlen(where);

	if ((where[0] != '/' && where[0] != '@') || n < 2 ||
	    n >= sizeof(to->sun_path))
		return 0;
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to->sun_path, where, n);
	if (where[0] == '@')
		to->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* Does not wait for a manager that does not listen. */
static void
notify_manager(const char *state)
{
	const char *where = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to;
	socklen_t n = where ? notify_address(&to, where) : 0;
	int fd;

	if (n == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (const struct sockaddr *)&to, n);
	close(fd);
}

void
notify_ready(void)
{
	notify_manager("READY=1");
}

void
notify_reloading(void)
{
	notify_manager("RELOADING=1");
}

void
notify_stopping(void)
{
	notify_manager("STOPPING=1");
}

void
notify_alive(void)
{
	notify_manager("WATCHDOG=1");
}
