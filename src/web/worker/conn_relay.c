#include "web/worker/conn_relay.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/transport/transport_fcgi.h"

#define CHUNK (16u << 10)

/* Put all of the request into the socket; the kernel has room for one. */
static bool
send_request(const struct fcgi_input *in, int fd)
{
	struct fcgi_out out = { .fd = fd };
	bool sent;

	transport_fcgi_forward(in, &out);
	fcgi_out_push(&out);
	sent = !fcgi_out_pending(&out) && !out.broken;
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
	given = send_request(in, pair[0]) && lane_give(lane, &rq);
	close(pair[1]);
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
