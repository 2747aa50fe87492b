#include "ctl/probe.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *
reason(struct arena *a, int error)
{
	return arena_fmt(a, "%s", strerror(error)).p;
}

/* Wait for events; the errno of what went wrong, or 0. */
static int
wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	socklen_t n = sizeof(int);
	int error = 0, rc = poll(&p, 1, timeout_ms);

	if (rc == 0)
		return ETIMEDOUT;
	if (rc < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		return errno;
	return error;
}

static int
connect_one(const struct addrinfo *ai, int timeout_ms, int *fd)
{
	int error = 0;

	*fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, ai->ai_protocol);
	if (*fd < 0)
		return errno;
	if (connect(*fd, ai->ai_addr, ai->ai_addrlen) != 0)
		error = errno == EINPROGRESS ?
		    wait_for(*fd, POLLOUT, timeout_ms) : errno;
	if (error == 0)
		return 0;
	close(*fd);
	*fd = -1;
	return error;
}

static const char *
greeting(struct arena *a, int fd, int timeout_ms)
{
	char text[4] = "";
	int error = wait_for(fd, POLLIN, timeout_ms);

	if (error)
		return reason(a, error);
	if (recv(fd, text, 3, MSG_DONTWAIT) != 3 || strcmp(text, "220") != 0)
		return "it does not greet like a mail relay";
	return NULL;
}

const char *
probe_smtp(struct arena *a, const char *host, long port, bool greets,
    int timeout_ms)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	const char *why = NULL;
	int fd = -1, error = EHOSTUNREACH;
	int rc = getaddrinfo(host, arena_fmt(a, "%ld", port).p, &hints, &all);

	if (rc != 0)
		return arena_fmt(a, "%s", gai_strerror(rc)).p;
	for (const struct addrinfo *ai = all; ai && fd < 0; ai = ai->ai_next)
		error = connect_one(ai, timeout_ms, &fd);
	freeaddrinfo(all);
	if (fd < 0)
		return reason(a, error);
	if (greets)
		why = greeting(a, fd, timeout_ms);
	close(fd);
	return why;
}

const char *
probe_worker(struct arena *a, const char *dir)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return reason(a, errno);
	if (snprintf(at.sun_path, sizeof(at.sun_path), "%s/worker.sock",
	    dir) >= (int)sizeof(at.sun_path))
		error = ENAMETOOLONG;
	else if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0)
		error = errno;
	close(fd);
	return error ? reason(a, error) : NULL;
}

const char *
probe_dir(struct arena *a, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0 || access(dir, W_OK | X_OK) != 0)
		return reason(a, errno);
	if (!S_ISDIR(st.st_mode))
		return "not a directory";
	/* Whoever can put a socket there can be the worker. */
	return (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX) ?
	    "everyone may write there" : NULL;
}
