#include <stdlib.h>

#include <read.h> /* hiredis: the reader alone */

#include "store/redis/cache_private.h"

/* hiredis parses, our functions build struct reply in the arena. */
struct parser {
	redisReader *reader;
	struct arena *arena;
	struct reply *replies;
	size_t n, got;
	size_t bytes, items;
};

#ifdef REDIS_REPLY_DOUBLE /* hiredis 1.0 */
typedef size_t count_type;
#else
typedef int count_type;
#endif

static struct reply *
place_of_reply(const redisReadTask *t)
{
	struct parser *p = t->privdata;
	struct reply *parent = t->parent ? t->parent->obj : NULL;

	if (++p->items > REPLY_ITEMS_MAX)
		return NULL; /* the reader calls it "out of memory" */
	return parent ? &parent->item[t->idx] : &p->replies[p->got];
}

static void *
make_string(const redisReadTask *t, char *bytes, size_t n)
{
	struct parser *p = t->privdata;
	struct reply *r = place_of_reply(t);

	if (!r)
		return NULL;
	r->kind = t->type == REDIS_REPLY_ERROR ? REPLY_ERROR : REPLY_TEXT;
	r->text = arena_str(p->arena, (struct str){ bytes, n });
	return r;
}

static void *
make_array(const redisReadTask *t, count_type n)
{
	struct parser *p = t->privdata;
	struct reply *r = place_of_reply(t);

	if (!r || (size_t)n > REPLY_ITEMS_MAX - p->items)
		return NULL;
	r->kind = REPLY_ARRAY;
	r->n = (size_t)n;
	r->item = n ? arena_array(p->arena, r->n, sizeof *r->item) : NULL;
	return r;
}

static void *
make_integer(const redisReadTask *t, long long v)
{
	struct reply *r = place_of_reply(t);

	if (!r)
		return NULL;
	r->kind = REPLY_INT;
	r->number = v;
	return r;
}

static void *
make_nil(const redisReadTask *t)
{
	struct reply *r = place_of_reply(t);

	if (r)
		r->kind = REPLY_NIL;
	return r;
}

static void
keep_reply(void *obj)
{
	(void)obj; /* the arena's */
}

struct parser *
cache_parser_new(void)
{
	static redisReplyObjectFunctions make = {
		.createString = make_string,
		.createArray = make_array,
		.createInteger = make_integer,
		.createNil = make_nil,
		.freeObject = keep_reply,
	};
	struct parser *p = calloc(1, sizeof *p);

	if (p && !(p->reader = redisReaderCreateWithFunctions(&make))) {
		free(p);
		return NULL;
	}
	if (p)
		p->reader->privdata = p;
	return p;
}

void
cache_parser_free(struct parser **p)
{
	if (!*p)
		return;
	redisReaderFree((*p)->reader);
	free(*p);
	*p = NULL;
}

void
cache_parser_begin(struct parser *p, struct arena *a, struct reply *replies,
    size_t n)
{
	memset(replies, 0, n * sizeof *replies);
	*p = (struct parser){ .reader = p->reader, .arena = a,
		.replies = replies, .n = n };
}

const char *
cache_parser_feed(struct parser *p, const char *bytes, size_t n, bool *done)
{
	*done = false;
	if (n > REPLY_BYTES_MAX - p->bytes)
		return "reply too large";
	p->bytes += n;
	if (redisReaderFeed(p->reader, bytes, n) != REDIS_OK)
		return "reply not readable";
	while (p->got < p->n) {
		void *r = NULL;

		if (redisReaderGetReply(p->reader, &r) != REDIS_OK)
			return "reply not understood";
		if (!r)
			return NULL; /* not there yet */
		p->got++;
	}
	*done = true;
	/* more replies than commands: the connection is out of step */
	return p->reader->pos < p->reader->len ? "unexpected bytes" : NULL;
}
