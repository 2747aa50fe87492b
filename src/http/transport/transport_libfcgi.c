#include "http/transport/transport_libfcgi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "http/transport/fcgi_out.h"

struct fcgi {
	FCGX_Request r;
	const struct fcgi_request *rq;
	struct fcgi_out out;
};

struct fcgi *
transport_libfcgi_new(void)
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
transport_libfcgi_free(struct fcgi **f)
{
	if (*f)
		fcgi_out_free(&(*f)->out);
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

static void
fcgi_write(void *io, struct str bytes)
{
	struct fcgi *f = io;

	fcgi_out_answer(&f->out, (unsigned)f->r.requestId, bytes);
}

static bool
fcgi_gone(void *io)
{
	return ((struct fcgi *)io)->out.broken;
}

/* Without the end of the request the web server knows. */
static void
fcgi_give_up(void *io)
{
	((struct fcgi *)io)->out.broken = true;
}

static const struct transport fcgi_transport = { fcgi_read, fcgi_write,
	fcgi_gone, fcgi_give_up };

static void
answer_request(struct fcgi *f, struct exchange *x, transport_handler *handler,
    void *obj)
{
	x->transport = &fcgi_transport;
	x->io = f;
	transport_params(x, f->r.envp);
	transport_serve(x, f->r.role == ROLE_RESPONDER, handler, obj);
}

/* The end of the answer, and as much of it all as the peer takes now. */
static struct str
finish_answer(struct fcgi *f)
{
	struct fcgi_out *o = &f->out;
	struct str unsent = STR_NONE;

	fcgi_out_end(o, (unsigned)f->r.requestId);
	fcgi_out_push(o);
	if (!fcgi_out_pending(o))
		return unsent;
	memmove(o->p, o->p + o->sent, o->n - o->sent);
	unsent = (struct str){ o->p, o->n - o->sent };
	explicit_bzero(o->p + unsent.n, o->sent);
	o->p = NULL; /* the caller's now */
	o->room = o->n = o->sent = 0;
	return unsent;
}

/*
 * Bytes that follow the end of a request would be taken for the next one's, so
 * only a connection whose request was whole serves another.
 */
struct fcgi_rest
transport_libfcgi_serve(struct fcgi *f, const struct fcgi_request *rq,
    struct exchange *x, transport_handler *handler, void *obj)
{
	struct fcgi_rest rest = { FCGI_GONE, STR_NONE };
	bool keep, drain;

	f->rq = rq;
	f->out.fd = rq->conn;
	f->out.until = 0;
	f->out.broken = false;
	f->r.ipcFd = rq->bytes >= 0 ? rq->bytes : rq->conn;
	/* So that libfcgi does not close the descriptor before it reads. */
	f->r.keepConnection = 1;
	if (FCGX_Accept_r(&f->r) == 0) {
		keep = f->r.keepConnection && rq->whole && !rq->last;
		drain = f->r.role == ROLE_RESPONDER && !rq->whole;
		answer_request(f, x, handler, obj);
		rest.unsent = finish_answer(f);
		FCGX_Free(&f->r, 0);
		rest.then = f->out.broken ? FCGI_CLOSE : keep ? FCGI_KEEP :
		    drain ? FCGI_DRAIN : FCGI_CLOSE;
		if (rq->bytes >= 0)
			close(rq->bytes);
	} else if (rq->bytes >= 0) {
		rest.then = FCGI_CLOSE;
	}
	f->r.ipcFd = -1;
	fcgi_out_shrink(&f->out);
	return rest;
}
