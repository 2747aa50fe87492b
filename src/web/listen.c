#include "web/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define BACKLOG 1024
#define SYSTEMD_FD 3
#define PEERS "FCGI_WEB_SERVER_ADDRS"

static bool over_tcp; /* peers are checked */

bool
listen_is(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

enum run_mode
listen_detect(int *fd)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long long n;
	bool mine = pid && fds &&
	    str_to_int(str_of(pid), 1, INT32_MAX, &n) && n == getpid() &&
	    str_to_int(str_of(fds), 1, 1024, &n);

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (mine && listen_is(SYSTEMD_FD)) {
		*fd = SYSTEMD_FD;
		return RUN_SOCKET;
	}
	if (listen_is(STDIN_FILENO)) {
		*fd = STDIN_FILENO;
		return RUN_SOCKET;
	}
	return getenv("GATEWAY_INTERFACE") ? RUN_CGI : RUN_COMMAND;
}

/* Does a process answer at this path? Then the path is not stale. */
static bool
path_lives(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool lives = fd >= 0 &&
	    connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0;

	if (fd >= 0)
		close(fd);
	return lives;
}

static int
make_unix(const char *path, const char **why)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int fd, rc;

	if (strlen(path) >= sizeof(a.sun_path)) {
		*why = "the path of the socket is too long";
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path));
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (path_lives(&a)) {
			*why = "another process listens there";
			return -1;
		}
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	/* The mode must be right from the first moment on. */
	mask = umask(0117);
	rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(mask);
	if (rc < 0 || listen(fd, BACKLOG) < 0) {
		*why = strerror(errno);
		return -1;
	}
	return fd;
}

static int
make_tcp(const char *where, const char *colon, const char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	char host[64];
	int fd, one = 1;
	size_t n = (size_t)(colon - where);

	if (n > 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(host)) {
		*why = "write HOST:PORT with a numeric host";
		return -1;
	}
	memcpy(host, where, n);
	host[n] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
		*why = "write HOST:PORT with a numeric host";
		return -1;
	}
	fd = socket(found->ai_family, SOCK_STREAM, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, found->ai_addr, found->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		*why = strerror(errno);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

int
listen_make(const char *where, const char **why)
{
	const char *colon = strrchr(where, ':');

	if (strchr(where, '/') || colon == NULL)
		return make_unix(where, why);
	return make_tcp(where, colon, why);
}

bool
listen_prepare(int fd, const char **why)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	int flags = fcntl(fd, F_GETFL);
	const char *peers = getenv(PEERS);

	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0 || flags < 0 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		*why = strerror(errno);
		return false;
	}
	over_tcp = a.ss_family != AF_UNIX;
	if (over_tcp && (peers == NULL || peers[0] == '\0')) {
		*why = "a TCP socket needs " PEERS
		       " (the addresses of the web servers); "
		       "better use a Unix socket";
		return false;
	}
	return true;
}

/* Is the address in the comma-separated list? */
static bool
peer_allowed(const struct sockaddr *a, socklen_t n)
{
	char host[NI_MAXHOST];
	const char *list = getenv(PEERS);
	struct str peer;

	if (getnameinfo(a, n, host, sizeof(host), NULL, 0, NI_NUMERICHOST))
		return false;
	peer = str_of(host);
	if (str_starts(peer, STR("::ffff:")))
		peer = str_slice(peer, 7, peer.n);
	return str_holds(str_of(list), ',', peer);
}

int
listen_accept(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	int conn;

	if (!over_tcp)
		return accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	conn = accept4(fd, (struct sockaddr *)&a, &n, SOCK_CLOEXEC);
	if (conn >= 0 && !peer_allowed((struct sockaddr *)&a, n)) {
		log_warn("connection from an address that is not allowed");
		close(conn);
		errno = ECONNABORTED;
		return -1;
	}
	return conn;
}
