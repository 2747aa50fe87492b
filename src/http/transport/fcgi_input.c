#include "http/transport/fcgi_input.h"

#include "base/limits.h"
#include "base/memory.h"

#define PARAMS_MAX (LIMIT_PARAM_BYTES + 8 * LIMIT_PARAMS) /* with lengths */
#define ROOM 1024 /* of most requests; malloc has such a block at hand */
#define KEEP_CONN 1

static enum fcgi_event
reply_end(struct fcgi_input *in, unsigned id, enum fcgi_end how, bool last)
{
	fcgi_record_end(in->reply, id, how);
	in->nreply = FCGI_END_SIZE;
	in->last = last;
	return FCGI_REPLY;
}

/* BEGIN_REQUEST (section 5.1) */
static enum fcgi_event
begin_request(struct fcgi_input *in)
{
	unsigned role = (unsigned)in->small[0] << 8 | in->small[1];
	bool keep = in->small[2] & KEEP_CONN;

	if (in->r.id == 0)
		return FCGI_BROKEN;
	if (in->state != FCGI_NONE)
		return in->r.id == in->id ? FCGI_BROKEN :
		    reply_end(in, in->r.id, END_CANT_MPX, false);
	if (role != ROLE_RESPONDER && role != ROLE_AUTHORIZER)
		return reply_end(in, in->r.id, END_UNKNOWN_ROLE, !keep);
	in->state = FCGI_PARAMS;
	in->id = in->r.id;
	in->role = role;
	in->keep = keep;
	in->whole = in->too_long = false;
	in->most = LIMIT_BODY_JSON;
	return FCGI_MORE;
}

/* What is said of a variable (section 4.1); -1: nothing. */
static long long
value_of(struct str name)
{
	return str_eq(name, STR("FCGI_MAX_CONNS")) ||
	    str_eq(name, STR("FCGI_MAX_REQS")) ? LIMIT_CONNECTIONS :
	    str_eq(name, STR("FCGI_MPXS_CONNS")) ? 0 : -1;
}

/* Put a pair of short strings at `at`, if it fits; the bytes it takes. */
static size_t
put_pair(unsigned char *at, size_t room, struct str name, struct str value)
{
	if (2 + name.n + value.n > room)
		return 0;
	at[0] = (unsigned char)name.n;
	at[1] = (unsigned char)value.n;
	memcpy(at + 2, name.p, name.n);
	memcpy(at + 2 + name.n, value.p, value.n);
	return 2 + name.n + value.n;
}

/* A variable that is asked for again is told until the reply is full. */
static enum fcgi_event
tell_values(struct fcgi_input *in)
{
	struct str asked = { (char *)in->small, in->nsmall }, name, value;
	size_t at = 0, n = FCGI_HEADER;
	char number[STR_INT_ROOM];

	while (fcgi_record_pair(asked, &at, &name, &value))
		if (value_of(name) >= 0)
			n += put_pair(in->reply + n, sizeof(in->reply) - n,
			    name, str_int(number, value_of(name)));
	fcgi_record_write(in->reply, RECORD_VALUES, 0, n - FCGI_HEADER);
	in->nreply = n;
	in->last = false;
	return FCGI_REPLY;
}

/* UNKNOWN_TYPE (section 4.2) */
static enum fcgi_event
tell_unknown(struct fcgi_input *in)
{
	const unsigned char content[8] = { (unsigned char)in->r.type };

	fcgi_record_write(in->reply, RECORD_UNKNOWN, 0, sizeof(content));
	memcpy(in->reply + FCGI_HEADER, content, sizeof(content));
	in->nreply = FCGI_HEADER + sizeof(content);
	in->last = false;
	return FCGI_REPLY;
}

static enum fcgi_event
tell_request(struct fcgi_input *in)
{
	fcgi_input_enough(in);
	return FCGI_REQUEST;
}

static enum fcgi_event
abort_request(struct fcgi_input *in)
{
	if (in->state == FCGI_BUSY)
		return FCGI_ABORT;
	fcgi_input_done(in);
	return reply_end(in, in->r.id, END_COMPLETE, !in->keep);
}

static void
make_room(struct fcgi_input *in, size_t n)
{
	size_t room = in->room ? in->room : ROOM;

	while (room - in->n < n)
		room *= 2;
	if (room == in->room)
		return;
	in->p = memory_grow_secret("a request", in->p, in->n, room);
	in->room = room;
}

/* An empty record ends the parameters. */
static enum fcgi_event
end_params(struct fcgi_input *in)
{
	make_room(in, 1);
	in->params = in->n++;
	in->state = FCGI_BODY;
	return in->role == ROLE_RESPONDER ? FCGI_MORE : tell_request(in);
}

/* Store what fits; more than that need not be waited for. */
static enum fcgi_event
store(struct fcgi_input *in, struct str bytes)
{
	bool body = in->state == FCGI_BODY;
	size_t most = body ? in->params + 1 + in->most + 1 : PARAMS_MAX;
	struct str fits = str_slice(bytes, 0, most - in->n);

	make_room(in, fits.n);
	memcpy(in->p + in->n, fits.p, fits.n);
	in->n += fits.n;
	if (body && in->n < most)
		return FCGI_MORE;
	if (body)
		return tell_request(in);
	if (fits.n == bytes.n)
		return FCGI_MORE;
	in->too_long = true;
	end_params(in);
	return tell_request(in);
}

/* Where does this record's content go? False: nobody may send it. */
static bool
begin_record(struct fcgi_input *in)
{
	const struct fcgi_record r = fcgi_record_read(in->head);
	bool ours = in->state != FCGI_NONE && r.id == in->id;

	in->r = r;
	in->left = r.length;
	in->nsmall = 0;
	in->to = TO_NOWHERE;
	if (r.version != 1)
		return false;
	if (r.type == RECORD_BEGIN || r.type == RECORD_GET_VALUES) {
		in->to = TO_SMALL;
		return r.type == RECORD_BEGIN ? r.length == 8 :
		    r.length <= FCGI_SMALL && r.id == 0;
	}
	if (!ours || in->state == FCGI_BUSY ||
	    (r.type != RECORD_PARAMS && r.type != RECORD_STDIN))
		return true;
	in->to = TO_REQUEST;
	return (r.type == RECORD_PARAMS) == (in->state == FCGI_PARAMS);
}

static enum fcgi_event
take_content(struct fcgi_input *in, struct str bytes)
{
	in->left -= bytes.n;
	if (in->to == TO_SMALL) {
		memcpy(in->small + in->nsmall, bytes.p, bytes.n);
		in->nsmall += bytes.n;
	}
	return in->to == TO_REQUEST ? store(in, bytes) : FCGI_MORE;
}

/* All of a record was taken. */
static enum fcgi_event
end_record(struct fcgi_input *in)
{
	bool ours = in->state != FCGI_NONE && in->r.id == in->id;

	in->nhead = 0;
	if (in->r.type == RECORD_BEGIN)
		return begin_request(in);
	if (in->r.type == RECORD_GET_VALUES)
		return tell_values(in);
	if (in->r.type == 0 || in->r.type > RECORD_UNKNOWN)
		return tell_unknown(in);
	if (in->r.type == RECORD_ABORT && ours)
		return abort_request(in);
	if (in->to != TO_REQUEST || in->r.length)
		return FCGI_MORE;
	if (in->state == FCGI_PARAMS)
		return end_params(in);
	in->whole = true;
	return tell_request(in);
}

static struct str
cut(struct str *bytes, size_t n)
{
	struct str piece = str_slice(*bytes, 0, n);

	*bytes = (struct str){ bytes->p + piece.n, bytes->n - piece.n };
	return piece;
}

/* The header of the next record; false while it is not whole. */
static bool
take_head(struct fcgi_input *in, struct str *bytes)
{
	struct str piece = cut(bytes, FCGI_HEADER - in->nhead);

	if (piece.n)
		memcpy(in->head + in->nhead, piece.p, piece.n);
	in->nhead += piece.n;
	return in->nhead == FCGI_HEADER;
}

enum fcgi_event
fcgi_input_take(struct fcgi_input *in, struct str *bytes)
{
	enum fcgi_event e = FCGI_MORE;

	while (e == FCGI_MORE) {
		if (in->nhead < FCGI_HEADER) {
			if (!take_head(in, bytes))
				return FCGI_MORE;
			if (!begin_record(in))
				return FCGI_BROKEN;
		}
		if (in->left && bytes->n)
			e = take_content(in, cut(bytes, in->left));
		else if (in->left == 0 && in->r.padding && bytes->n)
			in->r.padding -= cut(bytes, in->r.padding).n;
		else if (in->left || in->r.padding)
			return FCGI_MORE;
		else
			e = end_record(in);
	}
	return e;
}

struct str
fcgi_input_body(const struct fcgi_input *in)
{
	size_t at = in->params + 1;

	return (struct str){ in->p + at, in->n - at };
}

void
fcgi_input_enough(struct fcgi_input *in)
{
	in->state = FCGI_BUSY;
	in->to = TO_NOWHERE; /* the rest of the record, if there is any */
}

void
fcgi_input_done(struct fcgi_input *in)
{
	in->state = FCGI_NONE;
	in->to = TO_NOWHERE;
	memory_free_secret(in->p, in->n);
	in->p = NULL;
	in->n = in->params = in->room = in->most = 0;
}
