#ifndef HANDLERS_SHARED_GIVEN_H
#define HANDLERS_SHARED_GIVEN_H

#include "web/route.h"

/* The field's text, or STR_NONE where it was not given. */
struct str given(const struct call *c, int field);

#endif
