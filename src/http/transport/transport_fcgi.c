#include "http/transport/transport_fcgi.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"

#define RESPONDER 1	       /* FastCGI 1.0, section 8 */
#define CONTENT_MAX 65528u     /* of one record; divisible by eight */
#define SEND_AT (64u << 10)    /* an answer in several writes leaves then */
#define UNSENT_MAX (LIMIT_ANSWER + (128u << 10))
#define STALL_MS 5000	       /* a peer that takes nothing for that long */
#define ANSWER_TIME (20 * CLOCK_SECOND)

enum { END_REQUEST = 3, STDOUT = 6 };

struct fcgi {
	FCGX_Request r;
	const struct fcgi_request *rq;
	char *out; /* records that were not sent yet, from sent to n */
	size_t sent, n, room;
	int64_t until; /* of an answer that is waited with; 0: it was not */
	bool broken;   /* the peer takes no more */
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
	if (*f)
		free((*f)->out);
	free(*f);
	*f = NULL;
}

/* One byte makes the stream fill its buffer; the rest is copied out. */
static long
fcgi_read(void *io, char *p, size_t n)
{
	struct fcgi *f = io;
	FCGX_Stream *in = f->r.in;
	size_t rest;
	int c;

	/* Nobody waits for a body: what is not there does not come. */
	if (f->rq->bytes < 0 && !f->rq->whole) {
		errno = EPROTO;
		return -1;
	}
	c = FCGX_GetChar(in);
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

/* Send what the peer takes now. */
static void
push(struct fcgi *f)
{
	ssize_t n = 1;

	while (!f->broken && f->sent < f->n && n > 0) {
		n = send(f->rq->conn, f->out + f->sent, f->n - f->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			f->sent += (size_t)n;
		else if (errno == EINTR)
			n = 1;
		else
			f->broken = errno != EAGAIN;
	}
	if (f->broken || f->sent == f->n)
		f->sent = f->n = 0;
}

/* Wait for a peer who has very much to take. */
static void
wait_for_peer(struct fcgi *f)
{
	struct pollfd p = { .fd = f->rq->conn, .events = POLLOUT };

	if (f->until == 0)
		f->until = clock_mono() + ANSWER_TIME;
	while (!f->broken && f->n - f->sent > UNSENT_MAX) {
		f->broken = clock_mono() > f->until ||
		    poll(&p, 1, STALL_MS) <= 0;
		push(f);
	}
}

static void
append(struct fcgi *f, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (f->sent && f->room - f->n < n) {
		memmove(f->out, f->out + f->sent, f->n - f->sent);
		f->n -= f->sent;
		f->sent = 0;
	}
	if (f->room - f->n < n) {
		f->room = (f->n + n) * 2;
		f->out = memory_grow("an answer", f->out, f->room, 1);
	}
	memcpy(f->out + f->n, p, n);
	f->n += n;
}

static void
append_record(struct fcgi *f, int type, struct str content)
{
	const unsigned char header[8] = { 1, (unsigned char)type,
		(unsigned char)(f->r.requestId >> 8),
		(unsigned char)f->r.requestId,
		(unsigned char)(content.n >> 8), (unsigned char)content.n };

	append(f, header, sizeof(header));
	append(f, content.p, content.n);
}

static void
fcgi_write(void *io, struct str bytes)
{
	struct fcgi *f = io;

	while (bytes.n && !f->broken) {
		struct str piece = str_slice(bytes, 0, CONTENT_MAX);

		append_record(f, STDOUT, piece);
		bytes = str_slice(bytes, piece.n, bytes.n);
	}
	if (f->n > SEND_AT)
		push(f);
	if (f->n - f->sent > UNSENT_MAX)
		wait_for_peer(f);
}

static bool
fcgi_gone(void *io)
{
	return ((struct fcgi *)io)->broken;
}

/* Without the end of the request the web server knows. */
static void
fcgi_give_up(void *io)
{
	((struct fcgi *)io)->broken = true;
}

static const struct transport fcgi_transport = { fcgi_read, fcgi_write,
	fcgi_gone, fcgi_give_up };

static void
refuse_role(struct exchange *x)
{
	static const struct header plain = { "Content-Type",
		{ "text/plain", 10 } };

	transport_answer(x, 403, &plain, 1,
	    STR("This service takes the Responder role only.\n"));
}

static void
answer_request(struct fcgi *f, struct exchange *x, transport_handler *handler,
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

/* The end of the answer, and as much of it all as the peer takes now. */
static struct str
finish_answer(struct fcgi *f)
{
	static const char complete[8]; /* status 0, FCGI_REQUEST_COMPLETE */
	struct str unsent = STR_NONE;

	append_record(f, STDOUT, STR_NONE);
	append_record(f, END_REQUEST, (struct str){ complete, 8 });
	push(f);
	if (f->n == 0)
		return unsent;
	memmove(f->out, f->out + f->sent, f->n - f->sent);
	unsent = (struct str){ f->out, f->n - f->sent };
	f->out = NULL; /* the caller's now */
	f->room = f->n = f->sent = 0;
	return unsent;
}

/* A large answer's room is not kept for the small ones. */
static void
shrink(struct fcgi *f)
{
	if (f->room <= SEND_AT)
		return;
	free(f->out);
	f->out = NULL;
	f->room = 0;
}

/*
 * Bytes that follow the end of a request would be taken for the next one's, so
 * only a connection whose request was whole serves another.
 */
struct fcgi_rest
transport_fcgi_serve(struct fcgi *f, const struct fcgi_request *rq,
    struct exchange *x, transport_handler *handler, void *obj)
{
	struct fcgi_rest rest = { FCGI_GONE, STR_NONE };
	bool keep, drain;

	f->rq = rq;
	f->until = 0;
	f->broken = false;
	f->r.ipcFd = rq->bytes >= 0 ? rq->bytes : rq->conn;
	/* So that libfcgi does not close the descriptor before it reads. */
	f->r.keepConnection = 1;
	if (FCGX_Accept_r(&f->r) == 0) {
		keep = f->r.keepConnection && rq->whole && !rq->last;
		drain = f->r.role == RESPONDER && !rq->whole;
		answer_request(f, x, handler, obj);
		rest.unsent = finish_answer(f);
		FCGX_Free(&f->r, 0);
		rest.then = f->broken ? FCGI_CLOSE : keep ? FCGI_KEEP :
		    drain ? FCGI_DRAIN : FCGI_CLOSE;
		if (rq->bytes >= 0)
			close(rq->bytes);
	} else if (rq->bytes >= 0) {
		rest.then = FCGI_CLOSE;
	}
	f->r.ipcFd = -1;
	shrink(f);
	return rest;
}
