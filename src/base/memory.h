#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/*
 * Memory that lives longer than a request, for the few who cannot use an
 * arena. The caller frees it. An allocation never fails: where the system has
 * no memory the process logs one line and exits, and its parent replaces it.
 */
#define MEMORY_EXIT 70 /* EX_SOFTWARE */

/* count * size zeroed bytes; the product is checked. what names them. */
void *memory_new(const char *what, size_t count, size_t size);

/*
 * p moved to count * size bytes, of which those behind the old ones are not
 * zeroed; NULL for p makes them.
 */
void *memory_grow(const char *what, void *p, size_t count, size_t size);

/*
 * The had bytes of p (NULL: none) in a place of n, which are more; the rest is
 * zero. Secrets do not stay behind: the old place is wiped.
 */
void *memory_grow_secret(const char *what, void *p, size_t had, size_t n);

/* Wipe n bytes of p and free it; p may be NULL. */
void memory_free_secret(void *p, size_t n);

/* A copy of the C string text. */
char *memory_copy(const char *what, const char *text);

/* End the process because n bytes for what are not to be had. */
void memory_exhausted(const char *what, size_t n) __attribute__((noreturn));

#endif
