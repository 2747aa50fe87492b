#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "base/memory.h"
#include "base/text.h"

#define FIRST_BLOCK ((size_t)64 << 10)

struct block {
	struct block *next;
	size_t size; /* of data */
	size_t used;
	/* What was not handed out is zero: from the start, or wiped. */
	alignas(max_align_t) char data[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *);
	void *obj;
};

struct arena {
	struct block *first;
	struct block *now;
	struct deferred *deferred;
	size_t cap;
	size_t total; /* of all blocks */
};

static struct block *
block_new(struct arena *a, size_t size)
{
	struct block *b;
	size_t whole;

	if (__builtin_add_overflow(size, sizeof(*b), &whole) ||
	    size > a->cap - a->total)
		memory_exhausted("arena cap", size);
	b = calloc(1, whole);
	if (b == NULL)
		memory_exhausted("malloc", whole);
	b->size = size;
	a->total += size;
	return b;
}

struct arena *
arena_new(size_t cap)
{
	struct arena *a = memory_new("an arena", 1, sizeof(*a));

	a->cap = cap < FIRST_BLOCK ? FIRST_BLOCK : cap;
	a->first = a->now = block_new(a, FIRST_BLOCK);
	return a;
}

static void
run_deferred(struct arena *a)
{
	while (a->deferred) {
		struct deferred *d = a->deferred;

		a->deferred = d->next;
		d->fn(d->obj);
	}
}

void
arena_reset(struct arena *a)
{
	struct block *b;

	run_deferred(a);
	while ((b = a->first->next) != NULL) {
		a->first->next = b->next;
		a->total -= b->size;
		sodium_memzero(b->data, b->used);
		free(b);
	}
	sodium_memzero(a->first->data, a->first->used);
	a->first->used = 0;
	a->now = a->first;
}

void
arena_free(struct arena **ap)
{
	struct arena *a = *ap;

	if (a == NULL)
		return;
	arena_reset(a);
	free(a->first);
	free(a);
	*ap = NULL;
}

/* What n bytes take: at least one, aligned for any type. */
static size_t
aligned(size_t n)
{
	const size_t align = alignof(max_align_t);
	size_t need;

	if (__builtin_add_overflow(n ? n : 1, align - 1, &need))
		memory_exhausted("size", n);
	return need & ~(align - 1);
}

static void
add_block(struct arena *a, size_t need)
{
	struct block *b = a->now;
	size_t size = b->size < (a->cap / 8) ? b->size * 2 : b->size;

	if (size > a->cap - a->total)
		size = need;
	a->now = b->next = block_new(a, need > size ? need : size);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t need = aligned(n);
	void *p;

	if (need > a->now->size - a->now->used)
		add_block(a, need);
	p = a->now->data + a->now->used;
	a->now->used += need;
	return p;
}

void *
arena_grow(struct arena *a, void *p, size_t had, size_t n)
{
	struct block *b = a->now;
	size_t old = aligned(had), more = aligned(n) - old;
	bool last = p && (char *)p + old == b->data + b->used;

	if (last && more <= b->size - b->used) {
		b->used += more;
		return p;
	}
	return p ? memcpy(arena_alloc(a, n), p, had) : arena_alloc(a, n);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		memory_exhausted("size", count);
	return arena_alloc(a, n);
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *p;
	size_t n;

	if (s.p == NULL)
		return s;
	if (__builtin_add_overflow(s.n, (size_t)1, &n))
		memory_exhausted("size", s.n);
	p = arena_alloc(a, n);
	memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

const char *
arena_cstr(struct arena *a, struct str s)
{
	return s.p ? arena_str(a, s).p : "";
}

struct str
arena_lower(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = text_lower(s.p[i]);
	p[s.n] = '\0';
	return (struct str){ p, s.n };
}

/* Not with printf, which takes as long as a hash of the text. */
struct str
arena_join(struct arena *a, const struct str *parts, size_t n)
{
	size_t room = 1;
	char *p, *to;

	for (size_t i = 0; i < n; i++)
		if (__builtin_add_overflow(room, parts[i].n, &room))
			memory_exhausted("size", parts[i].n);
	p = to = arena_alloc(a, room);
	for (size_t i = 0; i < n; to += parts[i++].n)
		if (parts[i].n)
			memcpy(to, parts[i].p, parts[i].n);
	return (struct str){ p, room - 1 };
}

struct str
arena_int(struct arena *a, long long n)
{
	char room[STR_INT_ROOM];

	return arena_str(a, str_int(room, n));
}

struct str
arena_vfmt(struct arena *a, const char *fmt, va_list ap)
{
	char most[128]; /* nearly every text fits and is printed only once */
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(most, sizeof(most), fmt, again);
	va_end(again);
	if (n < 0)
		memory_exhausted("format", 0);
	p = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof(most))
		memcpy(p, most, (size_t)n);
	else
		vsnprintf(p, (size_t)n + 1, fmt, ap);
	return (struct str){ p, (size_t)n };
}

struct str
arena_fmt(struct arena *a, const char *fmt, ...)
{
	struct str s;
	va_list ap;

	va_start(ap, fmt);
	s = arena_vfmt(a, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *obj)
{
	struct deferred *d = ARENA_NEW(a, struct deferred);

	d->fn = fn;
	d->obj = obj;
	d->next = a->deferred;
	a->deferred = d;
}

size_t
arena_used(const struct arena *a)
{
	const struct block *b;
	size_t n = 0;

	for (b = a->first; b; b = b->next)
		n += b->used;
	return n;
}
