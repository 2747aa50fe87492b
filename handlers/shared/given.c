#include "handlers/shared/given.h"

struct str
given(const struct call *c, int field)
{
	return c->in[field].given ? c->in[field].text : STR_NONE;
}
