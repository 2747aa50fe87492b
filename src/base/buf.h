#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * A growable byte buffer in an arena with a hard cap. Past the cap it takes
 * nothing more and sets .full; the code that fills it checks .full once, at
 * the end.
 */
struct buf {
	struct arena *arena;
	char *p;
	size_t n;
	size_t room;
	size_t cap;
	bool full;
};

/* An empty buffer that may grow to cap bytes. */
struct buf buf_new(struct arena *a, size_t cap);

/* Make room for n bytes at once, where it is known that they come. */
void buf_reserve(struct buf *b, size_t n);

/* Use buf_add(). */
void buf_add_slowly(struct buf *b, struct str s);

static inline void
buf_add(struct buf *b, struct str s)
{
	if (s.n == 0 || b->full || s.n >= b->room - b->n) {
		buf_add_slowly(b, s);
		return;
	}
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

static inline void
buf_byte(struct buf *b, char c)
{
	buf_add(b, (struct str){ &c, 1 });
}

void buf_int(struct buf *b, long long n);
void buf_fmt(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The bytes added so far and a NUL; valid until the next buf_ call. */
struct str buf_str(struct buf *b);

#endif
