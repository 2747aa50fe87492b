#include "base/buf.h"

#include <stdio.h>

struct buf
buf_new(struct arena *a, size_t cap)
{
	return (struct buf){ .arena = a, .cap = cap };
}

/* Room for n more bytes and a NUL. */
static bool
grow_buf(struct buf *b, size_t n)
{
	size_t need, room;

	if (b->full || __builtin_add_overflow(b->n, n, &need) ||
	    need > b->cap) {
		b->full = true;
		return false;
	}
	if (need < b->room)
		return true;
	room = b->room ? b->room * 2 : 256;
	if (room < need + 1)
		room = need + 1;
	if (room - 1 > b->cap) /* buf_add() goes by the room alone */
		room = b->cap + 1;
	b->p = arena_grow(b->arena, b->p, b->room, room);
	b->room = room;
	return true;
}

void
buf_reserve(struct buf *b, size_t n)
{
	if (b->n + n < b->cap)
		grow_buf(b, n);
}

void
buf_add_slowly(struct buf *b, struct str s)
{
	if (s.n == 0 || !grow_buf(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void
buf_int(struct buf *b, long long n)
{
	char room[STR_INT_ROOM];

	buf_add(b, str_int(room, n));
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	struct str s;

	va_start(ap, fmt);
	s = arena_vfmt(b->arena, fmt, ap);
	va_end(ap);
	buf_add(b, s);
}

struct str
buf_str(struct buf *b)
{
	if (b->room == 0)
		return arena_str(b->arena, STR(""));
	b->p[b->n] = '\0';
	return (struct str){ b->p, b->n };
}
