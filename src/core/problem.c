#include "core/problem.h"

#include "base/clock_text.h"

enum err
problem_say(struct ctx *x, enum err e, const char *sentence)
{
	x->problem = (struct problem){ .err = e, .sentence = sentence };
	return e;
}

enum err
problem_field(struct ctx *x, const char *field, const char *sentence)
{
	x->problem = (struct problem){ .err = E_VALIDATION, .field = field,
		.sentence = sentence };
	return E_VALIDATION;
}

enum err
problem_later(struct ctx *x, enum err e, int64_t us, const char *sentence)
{
	int64_t seconds = (us + CLOCK_SECOND - 1) / CLOCK_SECOND;

	x->problem = (struct problem){ .err = e, .sentence = sentence,
		.retry_after = seconds < 1 ? 1 : (long)seconds };
	return e;
}

enum err
problem_wait(struct ctx *x, enum err e, int64_t us, const char *what)
{
	problem_later(x, e, us, NULL);
	x->problem.sentence = arena_fmt(x->arena, "%s Please try again in %s",
	    what, clock_go_duration(x->arena,
	    x->problem.retry_after * CLOCK_SECOND).p).p;
	return e;
}

struct problem
problem_of(const struct ctx *x, enum err e)
{
	return x->problem.err == e ? x->problem :
	    (struct problem){ .err = e };
}
