#ifndef CORE_PROBLEM_H
#define CORE_PROBLEM_H

#include <stdint.h>

#include "core/ctx.h"

/*
 * A rule that fails returns an enum err. Where it can say more than the sentence
 * of that error, it returns it through one of these, which put the whole
 * struct problem into the ctx. A caller that goes on after a failure need not
 * clear anything: a problem is shown only with the error it explains.
 *
 * Sentences are constants or live in the arena of x. All return the error.
 */

/* sentence says what happened and what to do. */
enum err problem_say(struct ctx *x, enum err e, const char *sentence);

/* E_VALIDATION: what is wrong with the field. */
enum err problem_field(struct ctx *x, const char *field, const char *sentence);

/*
 * To be tried again in so many µs, which become whole seconds and at least one.
 * sentence may be NULL: that of e.
 */
enum err problem_later(struct ctx *x, enum err e, int64_t us,
    const char *sentence);

/*
 * The same where people read how long: what, a whole sentence, is followed by
 * "Please try again in 14m59s".
 */
enum err problem_wait(struct ctx *x, enum err e, int64_t us, const char *what);

/* The problem behind e; all of it is empty where no rule told more. */
struct problem problem_of(const struct ctx *x, enum err e);

#endif
