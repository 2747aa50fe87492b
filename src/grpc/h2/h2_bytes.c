#include "grpc/h2/h2_bytes.h"

#include "base/memory.h"

#define FIRST 256

void
h2_bytes_add(struct h2_bytes *b, const void *p, size_t n)
{
	size_t room = b->room ? b->room : FIRST;

	while (room - b->n < n)
		room *= 2;
	if (room > b->room) {
		b->p = memory_grow_secret("a stream", b->p, b->n, room);
		b->room = room;
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
h2_bytes_drop(struct h2_bytes *b, size_t n)
{
	b->n -= n;
	if (b->n)
		memmove(b->p, b->p + n, b->n);
}

void
h2_bytes_free(struct h2_bytes *b)
{
	memory_free_secret(b->p, b->room);
	*b = (struct h2_bytes){ 0 };
}
