#include "runtime/environ.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

static struct {
	char **list;
	size_t n;
} kept;

void
environ_keep(void)
{
	while (environ && environ[kept.n])
		kept.n++;
	kept.list = calloc(kept.n + 1, sizeof(*kept.list));
	if (kept.list == NULL)
		abort();
	for (size_t i = 0; i < kept.n; i++)
		if ((kept.list[i] = strdup(environ[i])) == NULL)
			abort();
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
			abort();
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
