#include "base/err.h"

#include <stddef.h>

static const struct {
	int status;
	const char *code;
	const char *text;
	const char *sentence;
} rows[] = {
#define ERR(name, status, code, text, sentence) \
	[E_##name] = { status, code, text, sentence },
#include "base/errors.def"
#undef ERR
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == ERR_COUNT, "a row per value");

/* A value outside the enum is our own bug. */
static enum err
known_err(enum err e)
{
	return (unsigned)e < ERR_COUNT ? e : E_INTERNAL;
}

int
err_status(enum err e)
{
	return rows[known_err(e)].status;
}

const char *
err_code(enum err e)
{
	return rows[known_err(e)].code;
}

const char *
err_text(enum err e)
{
	return rows[known_err(e)].text;
}

const char *
err_sentence(enum err e)
{
	return rows[known_err(e)].sentence;
}
