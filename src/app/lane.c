#include "app/lane.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

/* What the kernel charges the sender for one message, learnt at start. */
static int message_cost;

/* One message: when it was given, and the descriptor. */
union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static bool
send_message(int to, int fd)
{
	int64_t now = clock_mono();
	struct iovec io = { &now, sizeof(now) };
	union control c = { { 0 } };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	struct cmsghdr *h = &c.align;

	if (fd >= 0) {
		m.msg_control = c.room;
		m.msg_controllen = sizeof(c.room);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(int));
	}
	return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(now);
}

bool
lane_open(struct lane *l)
{
	int fds[2], bytes;
	char drop[64];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, fds) < 0)
		return false;
	*l = (struct lane){ fds[0], fds[1] };
	if (!send_message(l->give, -1) ||
	    ioctl(l->give, SIOCOUTQ, &message_cost) < 0 || message_cost <= 0 ||
	    recv(l->take, drop, sizeof(drop), 0) < 0)
		return false;
	/* The kernel doubles the number, and sends while less is taken. */
	bytes = (message_cost * LIMIT_HASH_QUEUE + 1) / 2;
	return setsockopt(l->give, SOL_SOCKET, SO_SNDBUF, &bytes,
		   sizeof(bytes)) == 0;
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
lane_close_give(struct lane *l)
{
	shut(&l->give);
}

void
lane_close_take(struct lane *l)
{
	shut(&l->take);
}

bool
lane_give(struct lane *l, int fd)
{
	return l->give >= 0 && send_message(l->give, fd);
}

int
lane_take(struct lane *l, bool *late)
{
	int64_t given = 0;
	struct iovec io = { &given, sizeof(given) };
	union control c;
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1,
		.msg_control = c.room, .msg_controllen = sizeof(c.room) };
	struct cmsghdr *h;
	ssize_t n;
	int fd;

	n = recvmsg(l->take, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? LANE_EMPTY :
							   LANE_CLOSED;
	if (n == 0)
		return LANE_CLOSED;
	h = CMSG_FIRSTHDR(&m);
	if (h == NULL || h->cmsg_type != SCM_RIGHTS) {
		log_error("lane message without a connection");
		return LANE_EMPTY;
	}
	memcpy(&fd, CMSG_DATA(h), sizeof(int));
	*late = clock_mono() - given > LIMIT_HASH_WAIT_MS * CLOCK_MS;
	return fd;
}

int
lane_waiting(const struct lane *l)
{
	int taken = 0;

	if (l->give < 0 || message_cost <= 0 ||
	    ioctl(l->give, SIOCOUTQ, &taken) < 0)
		return 0;
	return taken / message_cost;
}
