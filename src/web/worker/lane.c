#include "web/worker/lane.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

/* What the kernel charges the sender for one message; measured at start. */
static int message_cost;

/* One message: when it was given and what is known; descriptors go along. */
struct given {
	int64_t at;
	bool whole, last;
};

union control {
	char room[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

static bool
send_message(int to, const struct fcgi_request *rq)
{
	struct given g = { .at = clock_mono() };
	struct iovec io = { &g, sizeof(g) };
	union control c = { { 0 } };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	struct cmsghdr *h = &c.align;

	if (rq) {
		const int fds[2] = { rq->conn, rq->bytes };
		size_t n = rq->bytes >= 0 ? sizeof(fds) : sizeof(*fds);

		g.whole = rq->whole;
		g.last = rq->last;
		m.msg_control = c.room;
		m.msg_controllen = CMSG_SPACE(n);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n);
		memcpy(CMSG_DATA(h), fds, n);
	}
	return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(g);
}

bool
lane_open(struct lane *l)
{
	int fds[2], bytes;
	char drop[sizeof(struct given)];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, fds) < 0)
		return false;
	*l = (struct lane){ fds[0], fds[1] };
	if (!send_message(l->give, NULL) ||
	    ioctl(l->give, SIOCOUTQ, &message_cost) < 0 || message_cost <= 0 ||
	    recv(l->take, drop, sizeof(drop), 0) < 0)
		return false;
	/* The kernel doubles the number, and sends while less is in use. */
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
lane_give(struct lane *l, const struct fcgi_request *rq)
{
	return l->give >= 0 && send_message(l->give, rq);
}

enum lane_state
lane_take(struct lane *l, struct fcgi_request *rq, bool *late)
{
	struct given g = { 0 };
	struct iovec io = { &g, sizeof(g) };
	union control c;
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1,
		.msg_control = c.room, .msg_controllen = sizeof(c.room) };
	struct cmsghdr *h;
	ssize_t n;
	int fds[2] = { -1, -1 };

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
	memcpy(fds, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
	*rq = (struct fcgi_request){ fds[0], fds[1], g.whole, g.last };
	*late = clock_mono() - g.at > LIMIT_HASH_WAIT_MS * CLOCK_MS;
	return LANE_TAKEN;
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
