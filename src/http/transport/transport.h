#ifndef HTTP_TRANSPORT_TRANSPORT_H
#define HTTP_TRANSPORT_TRANSPORT_H

#include "base/arena.h"
#include "base/err.h"
#include "http/request.h"
#include "http/response.h"

/*
 * One request and its answer, whichever way they travel: FastCGI
 * (http/transport/transport_libfcgi.h) or plain CGI
 * (http/transport/transport_cgi.h). All memory is
 * the arena's or borrowed until the handler returns; nothing of one request
 * reaches the next (security rows HB2, HB11).
 */
struct exchange {
	struct arena *arena;
	/* as the web server sent them, duplicates kept, HTTP_PROXY left out */
	const struct param *params;
	size_t nparams;
	/*
	 * E_OK, or what the transport found wrong: E_HEADERS past
	 * LIMIT_PARAMS, LIMIT_PARAM_BYTES or LIMIT_HEADER, E_TIMEOUT,
	 * E_BAD_REQUEST. The handler answers that and nothing else; params
	 * holds what fitted.
	 */
	enum err err;
	/* The heavy lane had no room or no time left: answer E_BUSY. */
	bool lane_full;
	bool answered;
	const struct transport *transport; /* for transport_* only */
	void *io;
};

/* What a transport does for the functions below. */
struct transport {
	/*
	 * Up to n body bytes, at least one; 0 at the end; -1 with errno when
	 * the peer failed, EAGAIN when it stalled.
	 */
	long (*read)(void *io, char *p, size_t n);
	void (*write)(void *io, struct str bytes);
	/* Has the peer gone, so that nothing more need be written? */
	bool (*gone)(void *io);
	/* End the answer so that it is not taken for a whole one. */
	void (*give_up)(void *io);
};

/* What serves a request; obj is the caller's. */
typedef void transport_handler(void *obj, struct exchange *x);

/*
 * Read the whole body, at most limit bytes (ecosystem rule 8, row HB5).
 * CONTENT_LENGTH absent, empty or "-1" reads to the end; a number must be
 * what arrives. E_BAD_REQUEST (malformed, repeated or untrue length, peer
 * gone), E_TOO_LARGE (nothing read when the length already says so),
 * E_TIMEOUT (peer stalled). Call at most once.
 */
enum err transport_body(struct exchange *x, size_t limit, struct str *body);

/*
 * Send the answer: Status, Content-Length (not with 204 and 304), headers,
 * body. A HEAD request gets no body. Values must hold no CR, LF or NUL
 * (response_header sees to it). Call once.
 */
void transport_answer(struct exchange *x, int status,
    const struct header *headers, size_t nheaders, struct str body);

/*
 * The same with a body that is made while it is sent: first, then what piece
 * gives until that is empty, in memory for one of them. There is no
 * Content-Length. An error of piece ends the answer where it is: the peer sees
 * that it is not whole. A HEAD request gets no body.
 */
void transport_stream(struct exchange *x, int status,
    const struct header *headers, size_t nheaders, struct str first,
    response_piece *piece, void *obj);

/* The first parameter of that name, or STR_NONE. */
struct str transport_param(const struct exchange *x, struct str name);

/*
 * Make x->params of n "NAME=VALUE" strings (borrowed) and judge their number
 * and sizes.
 */
void transport_params(struct exchange *x, char *const *env);

/*
 * Make x->params of the n bytes of a FastCGI PARAMS stream (section 3.4), which
 * stay where they are, and judge them. pairs[n] belongs to it: each value gets
 * a NUL behind it, and one that has a NUL within it, or a length that leads
 * beyond the end, makes E_BAD_REQUEST.
 */
void transport_pairs(struct exchange *x, char *pairs, size_t n);

/*
 * Call the handler and see that there is an answer. Without responder the
 * answer is 403, without handler: an Authorizer is asked whether others'
 * pages may be shown, and here is nobody yet who could know.
 */
void transport_serve(struct exchange *x, bool responder,
    transport_handler *handler, void *obj);

/* "OK", "Not Found"; "Unknown" for a number without a name. */
const char *transport_reason(int status);

#endif
