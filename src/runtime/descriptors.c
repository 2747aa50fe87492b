#include "runtime/descriptors.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

union control {
	char room[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
	struct cmsghdr align;
};

bool
descriptors_send(int to, const struct sockaddr_un *at, struct str bytes,
    const int fds[DESCRIPTORS])
{
	struct iovec io = { (void *)(uintptr_t)bytes.p, bytes.n };
	union control c = { { 0 } };
	struct msghdr m = { .msg_name = (void *)(uintptr_t)at,
		.msg_namelen = at ? sizeof(*at) : 0, .msg_iov = &io,
		.msg_iovlen = 1, .msg_control = c.room,
		.msg_controllen = sizeof(c.room) };

	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	c.align.cmsg_len = CMSG_LEN(DESCRIPTORS * sizeof(int));
	memcpy(CMSG_DATA(&c.align), fds, DESCRIPTORS * sizeof(int));
	return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)bytes.n;
}

/* All descriptors of a message; how many. */
static size_t
unpack(struct msghdr *m, int fds[DESCRIPTORS])
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);

	if (h == NULL || h->cmsg_type != SCM_RIGHTS)
		return 0;
	memcpy(fds, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
	return (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

bool
descriptors_take(int from, bool wait, void *bytes, size_t n,
    int fds[DESCRIPTORS])
{
	struct iovec io = { bytes, n };
	union control c;
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1,
		.msg_control = c.room, .msg_controllen = sizeof(c.room) };
	ssize_t got = recvmsg(from, &m, MSG_CMSG_CLOEXEC |
	    (wait ? 0 : MSG_DONTWAIT));
	size_t nfds = got >= 0 ? unpack(&m, fds) : 0;

	if (got == (ssize_t)n && nfds == DESCRIPTORS &&
	    !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return true;
	if (got >= 0)
		errno = got == 0 && nfds == 0 ? 0 : EPROTO;
	while (nfds > 0)
		close(fds[--nfds]);
	return false;
}
