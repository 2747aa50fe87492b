#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/str.h"

/*
 * Memory of one request. Bytes are handed out in order; the next reset wipes
 * them and takes them back, so nobody frees. An allocation never fails: past
 * the cap, or when the system has no memory, the process logs one line, exits
 * with 70 (EX_SOFTWARE), and the master replaces it. Hostile input meets a
 * numbered limit (base/limits.h) long before that.
 */
struct arena;

/* A new arena that may grow to cap bytes. Owned by the caller. */
struct arena *arena_new(size_t cap);

/* Run the deferred releases, wipe and free; *a becomes NULL. */
void arena_free(struct arena **a);

/*
 * Run the deferred releases in reverse order, wipe every byte handed out and
 * keep the first block for the next request.
 */
void arena_reset(struct arena *a);

/* n zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n);

/* count * size zeroed bytes; the product is checked. */
void *arena_array(struct arena *a, size_t count, size_t size);

/*
 * The had bytes at p (NULL: none) with room for n, which is not less: where
 * they are when they were handed out last, else a copy.
 */
void *arena_grow(struct arena *a, void *p, size_t had, size_t n);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* A copy of s, followed by a NUL; of what is absent (p NULL), nothing. */
struct str arena_str(struct arena *a, struct str s);
/* The copy as a C string, "" of what is absent. s must hold no NUL. */
const char *arena_cstr(struct arena *a, struct str s);

/* A copy with the ASCII letters in lower case, followed by a NUL. */
struct str arena_lower(struct arena *a, struct str s);

/* The n parts behind each other, and a NUL. */
struct str arena_join(struct arena *a, const struct str *parts, size_t n);
#define ARENA_JOIN(a, ...) arena_join((a), \
	(const struct str[]){ __VA_ARGS__ }, \
	sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str))

/* n in decimal. */
struct str arena_int(struct arena *a, long long n);

/* printf into the arena. */
struct str arena_fmt(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct str arena_vfmt(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Call fn(obj) at reset: releases what a foreign library allocated. */
void arena_defer(struct arena *a, void (*fn)(void *), void *obj);

/* Bytes handed out since the last reset, for tests and metrics. */
size_t arena_used(const struct arena *a);

#endif
