#include "http/transport/fcgi_out.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

#define SEND_AT (64u << 10) /* an answer in several writes leaves then */
#define UNSENT_MAX (LIMIT_ANSWER + (128u << 10))
#define STALL_MS 5000	    /* a peer that takes nothing for that long */
#define ANSWER_TIME (20 * CLOCK_SECOND)

void
fcgi_out_push(struct fcgi_out *o)
{
	ssize_t n = 1;

	while (!o->broken && o->sent < o->n && n > 0) {
		n = send(o->fd, o->p + o->sent, o->n - o->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			o->sent += (size_t)n;
		else if (errno == EINTR)
			n = 1;
		else
			o->broken = errno != EAGAIN;
	}
	if (o->n && (o->broken || o->sent == o->n)) {
		explicit_bzero(o->p, o->n); /* tokens of somebody */
		o->sent = o->n = 0;
	}
}

/* Wait for a peer who has very much to take. */
static void
wait_for_peer(struct fcgi_out *o)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };

	if (o->until == 0)
		o->until = clock_mono() + ANSWER_TIME;
	while (!o->broken && o->n - o->sent > UNSENT_MAX) {
		o->broken = clock_mono() > o->until ||
		    poll(&p, 1, STALL_MS) <= 0;
		fcgi_out_push(o);
	}
}

/* Room for n bytes more. */
static char *
make_room(struct fcgi_out *o, size_t n)
{
	if (o->sent && o->room - o->n < n) {
		memmove(o->p, o->p + o->sent, o->n - o->sent);
		o->n -= o->sent;
		o->sent = 0;
	}
	if (o->room - o->n < n) {
		size_t had = o->room;

		o->room = (o->n + n) * 2;
		o->p = memory_grow_secret("an answer", o->p, had, o->room);
	}
	o->n += n;
	return o->p + o->n - n;
}

void
fcgi_out_bytes(struct fcgi_out *o, struct str bytes)
{
	if (bytes.n)
		memcpy(make_room(o, bytes.n), bytes.p, bytes.n);
}

void
fcgi_out_record(struct fcgi_out *o, enum fcgi_type type, unsigned id,
    struct str content)
{
	fcgi_record_write(make_room(o, FCGI_HEADER), type, id, content.n);
	fcgi_out_bytes(o, content);
}

void
fcgi_out_stream(struct fcgi_out *o, enum fcgi_type type, unsigned id,
    struct str content)
{
	while (content.n) {
		struct str piece = str_slice(content, 0, FCGI_CONTENT);

		fcgi_out_record(o, type, id, piece);
		content = str_slice(content, piece.n, content.n);
	}
}

void
fcgi_out_answer(struct fcgi_out *o, unsigned id, struct str piece)
{
	if (o->broken)
		return;
	fcgi_out_stream(o, RECORD_STDOUT, id, piece);
	if (o->n > SEND_AT)
		fcgi_out_push(o);
	if (o->n - o->sent > UNSENT_MAX)
		wait_for_peer(o);
}

void
fcgi_out_end(struct fcgi_out *o, unsigned id)
{
	fcgi_out_record(o, RECORD_STDOUT, id, STR_NONE);
	fcgi_record_end(make_room(o, FCGI_END_SIZE), id, END_COMPLETE);
}

void
fcgi_out_shrink(struct fcgi_out *o)
{
	if (o->room > SEND_AT && !fcgi_out_pending(o))
		fcgi_out_free(o);
}

void
fcgi_out_free(struct fcgi_out *o)
{
	memory_free_secret(o->p, o->room);
	o->p = NULL;
	o->room = o->n = o->sent = 0;
}
