#include "worker/media/media_nursery.h"

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "runtime/descriptors.h"
#include "runtime/sandbox.h"

#define CPU_SECONDS 5
#define WALL_SECONDS 10
#define MEMORY ((rlim_t)150 << 20) /* of its own; row MU3 */
#define FILE_MAX ((off_t)16 << 20)
#define MADE_MAX ((size_t)32 << 20)
#define HEAD offsetof(struct media_made, bytes)

static struct {
	pid_t pid;
	int fd;
} nursery = { 0, -1 };

static void
set_limit(int what, rlim_t most)
{
	const struct rlimit r = { most, most };

	setrlimit((__rlimit_resource_t)what, &r);
}

/* What a decoder may use up. Sanitizers map terabytes. */
static void
set_limits(void)
{
	set_limit(RLIMIT_CPU, CPU_SECONDS);
	set_limit(RLIMIT_FSIZE, 0); /* a pipe is no file */
	set_limit(RLIMIT_NPROC, 0);
#ifndef SANITIZERS
	set_limit(RLIMIT_DATA, MEMORY);
#endif
	alarm(WALL_SECONDS);
}

/* All of the file, in memory that is no file. */
static bool
read_file(int fd, struct str *out)
{
	struct stat st;
	char *p;
	ssize_t n = 1;
	size_t at = 0, size;

	if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > FILE_MAX)
		return false;
	size = (size_t)st.st_size;
	p = malloc(size);
	while (p && at < size && n > 0) {
		n = pread(fd, p + at, size - at, (off_t)at);
		at += n > 0 ? (size_t)n : 0;
	}
	*out = (struct str){ p, at };
	return p && at == size;
}

static bool
write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;
	ssize_t written = 1;

	for (; n > 0 && written > 0; p += written, n -= (size_t)written)
		if ((written = write(fd, p, n)) < 0)
			return false;
	return n == 0;
}

/* A decoder's life. */
static _Noreturn void
decode(const struct image_shape *shape, int to, int from)
{
	struct media_made made = { .fault = IMAGE_TOO_BIG };
	struct image_file file = { 0 };
	struct str in;
	bool read;

	prctl(PR_SET_NAME, "postern-decode");
	set_limits();
	read = read_file(from, &in);
	sandbox_enter(SANDBOX_DECODER);
	if (read)
		made.fault = image_make(in, shape, &file);
	made.type = file.type;
	made.width = file.width;
	made.height = file.height;
	made.n = file.bytes.n;
	_exit(!write_all(to, &made, HEAD) ||
	    !write_all(to, file.bytes.p, file.bytes.n));
}

/* Wipe what the system copied into this process when it was started. */
static void
forget_start(int argc, char **argv)
{
	for (char **e = environ; e && *e; e++)
		explicit_bzero(*e, strlen(*e));
	for (int i = 1; i < argc; i++)
		explicit_bzero(argv[i], strlen(argv[i]));
	environ = NULL;
}

static _Noreturn void
serve_orders(int fd)
{
	struct image_shape shape;
	int fds[DESCRIPTORS];
	pid_t pid;

	for (;;) {
		if (!descriptors_take(fd, true, &shape, sizeof(shape), fds)) {
			if (errno == EPROTO || errno == EINTR)
				continue;
			_exit(0);
		}
		pid = fork();
		if (pid == 0)
			decode(&shape, fds[0], fds[1]);
		close(fds[0]);
		close(fds[1]);
	}
}

static _Noreturn void
be_nursery(int fd, pid_t parent, int argc, char **argv)
{
	struct sigaction reap = { .sa_handler = SIG_DFL,
		.sa_flags = SA_NOCLDWAIT };

	prctl(PR_SET_NAME, "postern-image");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	/* From a terminal: the worker decides. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigaction(SIGCHLD, &reap, NULL);
	forget_start(argc, argv);
	(void)close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
	(void)close_range((unsigned)fd + 1, ~0U, 0);
	sandbox_enter(SANDBOX_MASTER); /* it only forks; a decoder adds its own */
	serve_orders(fd);
}

bool
media_nursery_start(int argc, char **argv)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	nursery.pid = fork();
	if (nursery.pid == 0)
		be_nursery(pair[1], parent, argc, argv);
	close(pair[1]);
	nursery.fd = pair[0];
	return nursery.pid > 0;
}

int
media_nursery_socket(void)
{
	return nursery.fd;
}

bool
media_nursery_lives(void)
{
	return nursery.pid > 0 &&
	    waitpid(nursery.pid, NULL, WNOHANG) != nursery.pid;
}

/* Read n bytes before the time is over. */
static bool
read_all(int fd, void *bytes, size_t n, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char *at = bytes;
	ssize_t got;

	while (n > 0) {
		int64_t left = until - clock_mono();

		if (left <= 0 || poll(&p, 1, (int)(left / CLOCK_MS) + 1) < 0)
			return false;
		got = p.revents ? read(fd, at, n) : 0;
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

static bool
is_sound(const struct media_made *m)
{
	return m->fault <= IMAGE_TOO_BIG && m->type <= IMAGE_WEBP &&
	    m->n <= MADE_MAX && (m->fault == IMAGE_FINE) == (m->n > 0);
}

/* What comes is not trusted: a picture may have taken its decoder over. */
static void
read_made(int fd, struct media_made *out)
{
	int64_t until = clock_mono() + (WALL_SECONDS + 1) * CLOCK_SECOND;
	struct media_made m = { 0 };
	bool sound = read_all(fd, &m, HEAD, until) && is_sound(&m);

	*out = (struct media_made){ .fault = IMAGE_BROKEN };
	if (!sound) {
		log_warn("a picture's decoder died, or took too long");
		return;
	}
	m.bytes = memory_new("a picture", m.n + 1, 1);
	if (read_all(fd, m.bytes, m.n, until))
		*out = m;
	else
		free(m.bytes);
}

bool
media_nursery_ask(int socket, int file, const struct image_shape *shape,
    struct media_made *out)
{
	const struct str bytes = { (const char *)shape, sizeof(*shape) };
	int pipes[2];
	bool sent;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	sent = descriptors_send(socket, NULL, bytes,
	    (const int[]){ pipes[1], file });
	close(pipes[1]);
	if (sent)
		read_made(pipes[0], out);
	close(pipes[0]);
	return sent;
}
