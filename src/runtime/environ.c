#include "runtime/environ.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/memory.h"

static struct {
	char **list;
	size_t n;
} kept;

void
environ_keep(void)
{
	while (environ && environ[kept.n])
		kept.n++;
	kept.list = memory_new("environment", kept.n + 1, sizeof(*kept.list));
	for (size_t i = 0; i < kept.n; i++)
		kept.list[i] = memory_copy("environment", environ[i]);
}

char **
environ_kept(size_t *n)
{
	*n = kept.n;
	return kept.list;
}

void
environ_restore(void)
{
	for (size_t i = 0; i < kept.n; i++) {
		char *at = strchr(kept.list[i], '=');

		if (at == NULL)
			continue;
		*at = '\0';
		if (setenv(kept.list[i], at + 1, 1) != 0)
			memory_exhausted("environment", strlen(at + 1));
		*at = '=';
	}
}

void
environ_forget(void)
{
	for (size_t i = 0; kept.list && i < kept.n; i++) {
		sodium_memzero(kept.list[i], strlen(kept.list[i]));
		free(kept.list[i]);
	}
	free(kept.list);
	kept.list = NULL;
	kept.n = 0;
}
