#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

void *
memory_new(const char *what, size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		memory_exhausted(what, size);
	return p;
}

void *
memory_grow(const char *what, void *p, size_t count, size_t size)
{
	p = reallocarray(p, count, size);
	if (p == NULL)
		memory_exhausted(what, count);
	return p;
}

void *
memory_grow_secret(const char *what, void *p, size_t had, size_t n)
{
	void *to = memory_new(what, 1, n);

	if (p)
		memcpy(to, p, had);
	memory_free_secret(p, had);
	return to;
}

void
memory_free_secret(void *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);
	free(p);
}

char *
memory_copy(const char *what, const char *text)
{
	size_t room = strlen(text) + 1;

	return memcpy(memory_new(what, 1, room), text, room);
}

/* Without exit handlers: they may want memory too. */
void
memory_exhausted(const char *what, size_t n)
{
	log_error("out of memory", log_c("what", what),
	    log_i("bytes", (int64_t)n));
	_exit(MEMORY_EXIT);
}
