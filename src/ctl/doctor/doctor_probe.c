#include "ctl/doctor/doctor_probe.h"

#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

static const char *
reason(struct arena *a, int error)
{
	return arena_fmt(a, "%s", strerror(error)).p;
}

/* Where all addresses are listened on, the own host is asked. */
static const char *
own_address(const char *address)
{
	if (strcmp(address, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(address, "::") == 0 ? "::1" : address;
}

const char *
doctor_probe_port(struct arena *a, const char *address, long port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	int fd, error = 0;

	if (getaddrinfo(own_address(address), arena_int(a, port).p, &hints,
	    &found) != 0)
		return "not a numeric address";
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
	return error ? reason(a, error) : NULL;
}

const char *
doctor_probe_worker(struct arena *a, const char *dir)
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
doctor_probe_dir(struct arena *a, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0 || access(dir, W_OK | X_OK) != 0)
		return reason(a, errno);
	if (!S_ISDIR(st.st_mode))
		return "not a directory";
	/* Whoever can create a socket there can pose as the worker. */
	return (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX) ?
	    "everyone may write there" : NULL;
}

/* Who may write there? Root may everywhere, but the service is not root. */
static struct str
file_owner(struct arena *a, const struct stat *st)
{
	const struct passwd *p = getpwuid(st->st_uid);

	return p ? arena_fmt(a, "%s", p->pw_name) :
	    arena_fmt(a, "user %u", (unsigned)st->st_uid);
}

static const char *
parent(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return !slash ? "." : slash == path ? "/" :
	    arena_cstr(a, str_slice(str_of(path), 0, (size_t)(slash - path)));
}

enum finding
doctor_probe_log(struct arena *a, const char *path, struct str *detail)
{
	const char *where = parent(a, path);
	struct statvfs room;
	struct stat st;

	if (path[0] == '\0') {
		*detail = STR("standard error: the journal of systemd, or the "
		    "error log of a web server that starts the program; below "
		    "spawn-fcgi and lighttpd's bin-path it leads nowhere, and "
		    "log.file must be set");
		return FINE;
	}
	if (stat(where, &st) != 0) {
		*detail = arena_fmt(a, "%s: %s; make the directory for the "
		    "service's user", where, strerror(errno));
		return FAULT;
	}
	if (access(access(path, F_OK) == 0 ? path : where, W_OK) != 0) {
		*detail = arena_fmt(a, "%s: %s; give it to the service's user",
		    path, strerror(errno));
		return FAULT;
	}
	if (stat(path, &st) == 0 && (S_ISDIR(st.st_mode) ||
	    S_ISSOCK(st.st_mode))) {
		*detail = arena_fmt(a, "%s is no file; name one in log.file",
		    path);
		return FAULT;
	}
	if (statvfs(where, &room) == 0 && room.f_bavail == 0) {
		*detail = arena_fmt(a, "%s: the disk is full, and lines are "
		    "lost", path);
		return FAULT;
	}
	*detail = arena_fmt(a, "%s, of %.*s", path, STR_FMT(file_owner(a, &st)));
	return FINE;
}
