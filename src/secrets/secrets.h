#ifndef SECRETS_SECRETS_H
#define SECRETS_SECRETS_H

#include "base/arena.h"
#include "base/json/json.h"

/*
 * postern-secrets: asks a manager of secrets once and prints its answer as a
 * JSON object of names and values. A program of its own, so that the web
 * process needs no client for HTTP, and what it held of the answer is gone when
 * it ends. The question comes as "key=value" lines on standard input; a failure
 * is a sentence on standard output that holds no value.
 */
enum secrets_end {
	SECRETS_GOOD,
	SECRETS_REFUSED, /* asking again would not help */
	SECRETS_LATER	 /* the manager is out of reach, or in trouble */
};

struct secrets {
	struct arena *arena;
	struct str question;
	int64_t until; /* µs, monotonic: the time is over */
	const char *why;
};

/* The value of a key of the question; "" when it has none. */
struct str secrets_asked(const struct secrets *s, const char *key);
/* The same as a C string. */
const char *secrets_asked_text(const struct secrets *s, const char *key);

/* Set why, of which no part may be a secret. Returns end. */
enum secrets_end secrets_fail(struct secrets *s, enum secrets_end end,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Ask that manager; *values receives an object. */
enum secrets_end secrets_zero(struct secrets *s, cJSON **values);
enum secrets_end secrets_vault(struct secrets *s, cJSON **values);
enum secrets_end secrets_aws(struct secrets *s, cJSON **values);

#endif
