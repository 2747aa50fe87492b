#include "http/transport/transport_fcgi.h"

#include <errno.h>

/* One exchange. */
struct fcgi {
	const struct fcgi_input *in;
	struct fcgi_out *out;
	struct str body; /* what was not read of it */
};

static struct str
params_of(const struct fcgi_input *in)
{
	return (struct str){ in->p, in->params };
}

struct fcgi_peek
transport_fcgi_look(const struct fcgi_input *in)
{
	struct fcgi_peek k = { .role = in->role };

	fcgi_peek_params(&k, params_of(in));
	return k;
}

static long
fcgi_read(void *io, char *p, size_t n)
{
	struct fcgi *f = io;
	struct str piece = str_slice(f->body, 0, n);

	/* Nobody waits for a body: what is not there does not come. */
	if (piece.n == 0 && !f->in->whole) {
		errno = EPROTO;
		return -1;
	}
	if (piece.n)
		memcpy(p, piece.p, piece.n);
	f->body = str_slice(f->body, piece.n, f->body.n);
	return (long)piece.n;
}

static void
fcgi_write(void *io, struct str bytes)
{
	struct fcgi *f = io;

	fcgi_out_answer(f->out, f->in->id, bytes);
}

static bool
fcgi_gone(void *io)
{
	return ((struct fcgi *)io)->out->broken;
}

/* Without the end of the request the web server knows. */
static void
fcgi_give_up(void *io)
{
	((struct fcgi *)io)->out->broken = true;
}

static const struct transport fcgi_transport = { fcgi_read, fcgi_write,
	fcgi_gone, fcgi_give_up };

void
transport_fcgi_serve(struct fcgi_input *in, struct fcgi_out *out,
    struct exchange *x, transport_handler *handler, void *obj)
{
	struct fcgi f = { in, out, fcgi_input_body(in) };

	x->transport = &fcgi_transport;
	x->io = &f;
	transport_pairs(x, in->p, in->params);
	if (in->too_long)
		x->err = E_HEADERS;
	transport_serve(x, in->role == ROLE_RESPONDER, handler, obj);
	x->io = NULL;
	fcgi_out_end(out, in->id);
	fcgi_out_push(out);
}

void
transport_fcgi_forward(const struct fcgi_input *in, struct fcgi_out *out)
{
	const char begin[8] = { 0, (char)in->role };

	fcgi_out_record(out, RECORD_BEGIN, in->id, (struct str){ begin, 8 });
	fcgi_out_stream(out, RECORD_PARAMS, in->id, params_of(in));
	fcgi_out_record(out, RECORD_PARAMS, in->id, STR_NONE);
	fcgi_out_stream(out, RECORD_STDIN, in->id, fcgi_input_body(in));
	fcgi_out_record(out, RECORD_STDIN, in->id, STR_NONE);
}
