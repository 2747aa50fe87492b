#ifndef HTTP_TRANSPORT_FCGI_INPUT_H
#define HTTP_TRANSPORT_FCGI_INPUT_H

#include "http/transport/fcgi_record.h"

/*
 * What one peer sends over one connection, as FastCGI 1.0 has it: bytes go in,
 * events come out. No system call, no clock; any input is safe, cut anywhere.
 * One request at a time is gathered, within LIMIT_PARAM_BYTES and
 * LIMIT_BODY_JSON, or `most` where that was set while its body came. Records of
 * other requests are skipped (section 3.3), but for their beginning.
 */
enum fcgi_event {
	FCGI_MORE,    /* all bytes are taken */
	FCGI_REQUEST, /* a request is there, or as much as will be read of it */
	FCGI_REPLY,   /* reply is to be sent */
	FCGI_ABORT,   /* the request that FCGI_REQUEST told is given up */
	FCGI_BROKEN   /* this is no FastCGI: close, and call no more */
};

/* The names that FCGI_GET_VALUES may ask for take 50 bytes. */
#define FCGI_SMALL 128

struct fcgi_input {
	/* the request; BUSY: it was told, and is not done */
	enum { FCGI_NONE, FCGI_PARAMS, FCGI_BODY, FCGI_BUSY } state;
	unsigned id, role;
	bool keep;     /* another may follow it */
	bool whole;    /* its body has ended */
	bool too_long; /* its parameters exceed the bounds */
	size_t most;   /* bytes of its body that are read; one more tells excess */
	size_t params; /* bytes of them, at p, with room for a NUL */
	char *p;       /* the input's own: then the body, up to n */
	size_t n, room;
	/* the record that is being read */
	unsigned char head[FCGI_HEADER], small[FCGI_SMALL];
	struct fcgi_record r;
	size_t nhead, left, nsmall;
	enum { TO_NOWHERE, TO_SMALL, TO_REQUEST } to;
	unsigned char reply[FCGI_SMALL];
	size_t nreply;
	bool last; /* close behind the reply */
};

/*
 * Take bytes up to the next event; *bytes moves behind them. After
 * FCGI_REQUEST and until fcgi_input_done the rest of that request is skipped,
 * and a new one is told FCGI_CANT_MPX_CONN.
 */
enum fcgi_event fcgi_input_take(struct fcgi_input *in, struct str *bytes);

/* The body, after FCGI_REQUEST. */
struct str fcgi_input_body(const struct fcgi_input *in);

/* Wait for no more of it, as if FCGI_REQUEST had been told; in FCGI_BODY. */
void fcgi_input_enough(struct fcgi_input *in);

/* The request is over: wipe it and free its memory. */
void fcgi_input_done(struct fcgi_input *in);

#endif
