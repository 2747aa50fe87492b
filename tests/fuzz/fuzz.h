#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"

/* What fuzz targets share: an input, an arena, and properties that hold. */
#define FUZZ_HOLDS(property) \
	do { \
		if (!(property)) \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The arena of one input, made anew so that its bytes are poisoned again. */
static inline struct arena *
fuzz_arena(void)
{
	static struct arena *a;

	arena_free(&a);
	a = arena_new((size_t)64 << 20);
	return a;
}

/*
 * The input in a block of its own size, so that a read beyond it is seen;
 * freed with the arena.
 */
static inline struct str
fuzz_str(struct arena *a, const uint8_t *data, size_t n)
{
	char *p = malloc(n ? n : 1);

	if (p == NULL)
		abort();
	if (n)
		memcpy(p, data, n);
	arena_defer(a, free, p);
	return (struct str){ p, n };
}

#endif
