#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * Errors are told apart only where a caller can act differently. Each value
 * has one row of errors.def, which also gives the HTTP answer (house rule: one
 * closed enum, one map).
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
