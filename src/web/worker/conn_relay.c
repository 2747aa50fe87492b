#include "web/worker/conn_relay.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "http/transport/transport_fcgi.h"

#define CHUNK (16u << 10)

/* Put all of it into a file in memory, from whose beginning it is read. */
static int
file_of(const struct fcgi_out *out)
{
	int fd = memfd_create("request", MFD_CLOEXEC);
	size_t at = out->sent;
	ssize_t n = 1;

	for (; fd >= 0 && at < out->n && n > 0; at += (size_t)n)
		if ((n = write(fd, out->p + at, out->n - at)) <= 0)
			break;
	if (fd >= 0 && at == out->n && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * Put all of the request into the socket, where the kernel has room for a small
 * one, or into a file, which goes along.
 */
static bool
send_request(const struct fcgi_input *in, int fd, int *file)
{
	struct fcgi_out out = { .fd = fd };
	bool sent;

	transport_fcgi_forward(in, &out);
	if (in->most > LIMIT_BODY_JSON) {
		*file = file_of(&out);
		sent = *file >= 0;
	} else {
		fcgi_out_push(&out);
		sent = !fcgi_out_pending(&out) && !out.broken;
	}
	fcgi_out_free(&out);
	return sent;
}

int
conn_relay_open(const struct fcgi_input *in, struct lane *lane)
{
	int pair[2];
	struct fcgi_request rq = { .bytes = -1, .whole = true };
	bool given;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		log_error("a request cannot be passed on",
		    log_c("error", strerror(errno)));
		return -1;
	}
	rq.conn = pair[1];
	given = send_request(in, pair[0], &rq.bytes) && lane_give(lane, &rq);
	close(pair[1]);
	if (rq.bytes >= 0)
		close(rq.bytes);
	if (given)
		return pair[0];
	close(pair[0]);
	return -1;
}

enum conn_relay
conn_relay_read(int relay, struct fcgi_scan *scan, struct fcgi_out *out)
{
	char chunk[CHUNK];
	ssize_t n = recv(relay, chunk, sizeof(chunk), MSG_DONTWAIT);
	struct str bytes = { chunk, n > 0 ? (size_t)n : 0 };

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return RELAY_MORE;
	if (n <= 0)
		return RELAY_CUT;
	fcgi_record_scan(scan, bytes);
	fcgi_out_bytes(out, bytes);
	explicit_bzero(chunk, bytes.n);
	fcgi_out_push(out);
	return scan->ended ? RELAY_ENDED : RELAY_MORE;
}
