#include "runtime/handover.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/descriptors.h"

bool
handover_key_good(const char *key)
{
	struct str s = { key, strnlen(key, HANDOVER_KEY) };
	size_t dot = str_find(s, '.');

	return s.n > 0 && s.n < HANDOVER_KEY && text_only(s, "/-.") &&
	    s.p[0] != '/' && dot > 0 && s.p[dot - 1] != '/' &&
	    str_find(str_slice(s, dot + 1, s.n), '.') == s.n - dot - 1;
}

static bool
address(const char *runtime_dir, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(at->sun_path, sizeof(at->sun_path), "%s/media.sock",
	    runtime_dir) < (int)sizeof(at->sun_path);
}

/* A file in memory; the kernel takes it back with its last descriptor. */
static int
file_of(struct str bytes)
{
	int fd = memfd_create("picture", MFD_CLOEXEC);
	ssize_t n;

	for (; fd >= 0 && bytes.n; bytes = str_slice(bytes, (size_t)n,
	    bytes.n)) {
		n = write(fd, bytes.p, bytes.n);
		if (n > 0)
			continue;
		close(fd);
		return -1;
	}
	return fd;
}

static bool
send_order(const char *runtime_dir, const struct handover_order *o,
    const int fds[DESCRIPTORS])
{
	const struct str bytes = { (const char *)o, sizeof(*o) };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), why;
	struct sockaddr_un at;
	bool sent = fd >= 0 && address(runtime_dir, &at) &&
	    descriptors_send(fd, &at, bytes, fds);

	why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return sent;
}

int
handover_begin(const char *runtime_dir, const struct handover_order *o,
    struct str bytes)
{
	int pair[2], file = file_of(bytes), why;
	bool sent;

	if (file < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		close(file);
		return -1;
	}
	sent = send_order(runtime_dir, o, (const int[]){ pair[1], file });
	why = errno;
	close(file);
	close(pair[1]);
	if (!sent)
		close(pair[0]);
	errno = why;
	return sent ? pair[0] : -1;
}

bool
handover_wait(int fd, int ms, struct handover_answer *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	*out = (struct handover_answer){ 0 };
	return poll(&p, 1, ms) > 0 &&
	    recv(fd, out, sizeof(*out), MSG_DONTWAIT) == sizeof(*out);
}

int
handover_listen(const char *runtime_dir)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un at;
	mode_t before;
	bool bound = false;

	if (fd < 0)
		return -1;
	if (address(runtime_dir, &at) &&
	    connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		unlink(at.sun_path);
		/* The web processes are in our group. */
		before = umask(0117);
		bound = bind(fd, (const struct sockaddr *)&at,
		    sizeof(at)) == 0;
		umask(before);
	}
	if (bound)
		return fd;
	close(fd);
	return -1;
}

void
handover_close(const char *runtime_dir, int fd)
{
	struct sockaddr_un at;

	if (fd < 0)
		return;
	if (address(runtime_dir, &at))
		unlink(at.sun_path);
	close(fd);
}

bool
handover_take(int fd, struct handover_order *o, int *reply, int *file)
{
	int fds[DESCRIPTORS];

	if (!descriptors_take(fd, false, o, sizeof(*o), fds))
		return false;
	o->key[HANDOVER_KEY - 1] = '\0';
	*reply = fds[0];
	*file = fds[1];
	return true;
}
