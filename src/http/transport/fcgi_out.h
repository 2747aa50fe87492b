#ifndef HTTP_TRANSPORT_FCGI_OUT_H
#define HTTP_TRANSPORT_FCGI_OUT_H

#include <stdint.h>

#include "http/transport/fcgi_record.h"

/* Records on their way to one peer, which may take them slowly. */
struct fcgi_out {
	int fd;
	bool broken;   /* the peer takes no more */
	char *p;       /* not sent yet: from sent to n; the out's own */
	size_t sent, n, room;
	int64_t until; /* of an answer that is waited with; 0: it was not */
};

static inline bool
fcgi_out_pending(const struct fcgi_out *o)
{
	return o->n > o->sent;
}

/* Put bytes, or a record, behind those that wait; nothing is sent. */
void fcgi_out_bytes(struct fcgi_out *o, struct str bytes);
void fcgi_out_record(struct fcgi_out *o, enum fcgi_type type, unsigned id,
    struct str content);

/* The same with as many records of a stream as content needs, none for none. */
void fcgi_out_stream(struct fcgi_out *o, enum fcgi_type type, unsigned id,
    struct str content);

/*
 * A piece of an answer. It waits for nobody up to LIMIT_ANSWER; beyond (an
 * answer of several pieces) for the peer up to 5 s at a time, 20 s in all.
 */
void fcgi_out_answer(struct fcgi_out *o, unsigned id, struct str piece);

/* The end of an answer. */
void fcgi_out_end(struct fcgi_out *o, unsigned id);

/* Send what the peer takes now. */
void fcgi_out_push(struct fcgi_out *o);

/* Give memory back beyond what a small answer needs, or all of it. */
void fcgi_out_shrink(struct fcgi_out *o);
void fcgi_out_free(struct fcgi_out *o);

#endif
