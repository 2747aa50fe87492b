#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * What a caller can do differently, and nothing finer. One row of errors.def
 * per value; the HTTP answer comes from the same row (house rule: one closed
 * enum, one map).
 */
enum err {
#define ERR(name, status, code, text, sentence) E_##name,
#include "base/errors.def"
#undef ERR
	ERR_COUNT
};

/* HTTP status of e, for example 422. */
int err_status(enum err e);
/* Machine code, for example "VALIDATION_FAILED". */
const char *err_code(enum err e);
/* Short text (the "error" member) and default sentence ("message"). */
const char *err_text(enum err e);
const char *err_sentence(enum err e);

#endif
