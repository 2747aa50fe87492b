#ifndef CORE_IDEMPOTENCY_H
#define CORE_IDEMPOTENCY_H

#include "base/json/json.h"
#include "core/ctx.h"

/*
 * The same Idempotency-Key and request within 24 h give the same answer
 * (row RE9). Answers are sealed: they hold tokens.
 */
struct idempotency {
	struct str key;	    /* 32 bytes */
	struct str request; /* 32 bytes */
	struct str raw;	    /* of the body's bytes, as 0.1.0 kept it */
};

/*
 * scope is who and what: route, actor or address. body as it came; json, where
 * it is that, is what is compared: white space and the order of members make
 * no other request. *replayed: the answer is in
 * *status and *body. E_IDEMPOTENCY when the key came with another request or
 * its first request still runs (to be tried again after 1 s).
 */
enum err idempotency_begin(struct ctx *x, struct str scope, struct str key,
    struct str body, const cJSON *json, struct idempotency *out,
    bool *replayed, int *status, struct str *answer);

/*
 * The id (uuid text) of the nth thing that the request makes, 0 the first.
 * After a failure whose outcome nobody knows, "commit sent, answer lost", the
 * same key gives the same ids: the statement that makes a row finds the one
 * that it made before (row RE8). A request without a key gets new ones.
 */
struct str idempotency_id(struct ctx *x, uint8_t nth);

/* Keep the answer; a 5xx is not kept, the request may come again. */
void idempotency_end(struct ctx *x, const struct idempotency *i, int status,
    struct str answer);

#endif
