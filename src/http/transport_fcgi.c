#include "http/transport_fcgi.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/clock.h"
#include "base/log.h"

#define RESPONDER 1		  /* FastCGI 1.0, section 8 */
#define STALL_SECONDS 5		  /* a peer silent for that long is gone */
#define QUIET_WRITE (64u << 10)	  /* fits any socket's send buffer */
#define DRAIN_BYTES (1u << 20)	  /* of a body nobody wanted */
#define DRAIN_TIME (5 * CLOCK_SECOND)

struct fcgi {
	FCGX_Request r;
	bool timed;	/* this connection has its time-outs */
	size_t written; /* by this request */
};

struct fcgi *
transport_fcgi_new(void)
{
	struct fcgi *f = calloc(1, sizeof(*f));

	/*
	 * Where libfcgi closes by itself (a request it cannot parse) it would
	 * wait two seconds for the peer to close first.
	 */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "10", 0);
	if (f == NULL || FCGX_Init() != 0 ||
	    FCGX_InitRequest(&f->r, -1, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
		free(f);
		return NULL;
	}
	return f;
}

void
transport_fcgi_free(struct fcgi **f)
{
	free(*f);
	*f = NULL;
}

/* Is there something to read within wait_ms? */
static bool
readable(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, wait_ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

bool
transport_fcgi_peek(int fd, int wait_ms, struct peek *out)
{
	ssize_t n;

	n = recv(fd, out->bytes, PEEK_BYTES, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN && readable(fd, wait_ms))
		n = recv(fd, out->bytes, PEEK_BYTES, MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0)
		return false;
	peek_read(out, out->bytes, (size_t)n);
	return !out->refuse;
}

static void
set_timeouts(struct fcgi *f)
{
	struct timeval t = { .tv_sec = STALL_SECONDS };

	if (f->timed)
		return;
	f->timed = true;
	setsockopt(f->r.ipcFd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(f->r.ipcFd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* One byte makes the stream fill its buffer; the rest is copied out. */
static long
fcgi_read(void *io, char *p, size_t n)
{
	FCGX_Stream *in = ((struct fcgi *)io)->r.in;
	int c = FCGX_GetChar(in);
	size_t rest;

	if (c == EOF) {
		int e = FCGX_GetError(in);

		errno = e > 0 ? e : EPROTO;
		return e ? -1 : 0;
	}
	p[0] = (char)c;
	rest = (size_t)(in->stop - in->rdNext);
	if (rest > n - 1)
		rest = n - 1;
	memcpy(p + 1, in->rdNext, rest);
	in->rdNext += rest;
	return (long)(rest + 1);
}

static void
fcgi_write(void *io, struct str bytes)
{
	struct fcgi *f = io;

	f->written += bytes.n;
	if (f->written > QUIET_WRITE)
		set_timeouts(f);
	if (bytes.n)
		FCGX_PutStr(bytes.p, (int)bytes.n, f->r.out);
}

static const struct transport fcgi_transport = { fcgi_read, fcgi_write };

/*
 * A body left unread would break the next request on this connection, and
 * closing over it would reset the answer in front of a slow reader.
 */
static bool
drained(struct fcgi *f)
{
	int64_t until = clock_mono() + DRAIN_TIME;
	size_t sum = 0;
	char rest[2048];
	long n = 1;

	while (sum < DRAIN_BYTES && clock_mono() < until &&
	    (n = fcgi_read(f, rest, sizeof(rest))) > 0)
		sum += (size_t)n;
	return n == 0;
}

static void
refuse_role(struct exchange *x)
{
	static const struct header plain = { "Content-Type",
		{ "text/plain", 10 } };

	transport_answer(x, 403, &plain, 1,
	    STR("This service takes the Responder role only.\n"));
}

static void
answer(struct fcgi *f, struct exchange *x, transport_handler *handler,
    void *obj)
{
	x->transport = &fcgi_transport;
	x->io = f;
	transport_params(x, f->r.envp);
	if (f->r.role != RESPONDER)
		refuse_role(x);
	else
		handler(obj, x);
	if (!x->answered) {
		log_error("request without an answer");
		transport_answer(x, 500, NULL, 0, STR(""));
	}
}

/*
 * Send what is left and END_REQUEST; no waiting for the peer to close. On a
 * connection that stays, the body is drained before: afterwards the next
 * request may follow, and libfcgi would swallow its begin. On one that ends,
 * the peer sees the end of the answer first: nginx sends no more of a body that
 * was answered, and shows the answer when the connection ends.
 */
static bool
finish(struct fcgi *f, const struct peek *seen, bool keep)
{
	bool drain = !seen->whole && f->r.role == RESPONDER;
	bool ok = true;

	if (drain && keep)
		ok = drained(f);
	FCGX_FClose(f->r.err);
	ok = FCGX_FClose(f->r.out) == 0 && ok;
	if (drain && !keep) {
		shutdown(f->r.ipcFd, SHUT_WR);
		drained(f);
	}
	FCGX_Free(&f->r, 0);
	f->r.ipcFd = -1;
	return ok && keep;
}

bool
transport_fcgi_serve(struct fcgi *f, int fd, const struct peek *seen,
    struct exchange *x, transport_handler *handler, void *obj)
{
	bool keep;

	f->timed = false;
	f->written = 0;
	f->r.ipcFd = fd;
	/* So that libfcgi does not close the descriptor before it reads. */
	f->r.keepConnection = 1;
	if (!seen->whole)
		set_timeouts(f);
	if (FCGX_Accept_r(&f->r) != 0)
		return false; /* libfcgi closed it */
	keep = f->r.keepConnection;
	answer(f, x, handler, obj);
	if (finish(f, seen, keep))
		return true;
	close(fd);
	return false;
}
