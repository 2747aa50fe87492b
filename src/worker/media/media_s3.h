#ifndef WORKER_MEDIA_MEDIA_S3_H
#define WORKER_MEDIA_MEDIA_S3_H

#include "base/arena.h"
#include "config/config.h"
#include "worker/webclient/webclient_once.h"

/*
 * Objects in S3, or in what speaks its language: single requests with Signature
 * V4. False, logged: the store did not do it. The keys come from the settings
 * alone and are never logged (row MU9).
 */
bool media_s3_put(struct arena *a, const struct config *c, struct str key,
    const char *type, struct str bytes);

/* An object that is not there is removed. */
bool media_s3_remove(struct arena *a, const struct config *c, struct str key);

/*
 * The request itself, signed for the time `wall` (µs since 1970): its headers,
 * ended by NULL, in the arena.
 */
struct webclient_once media_s3_request(struct arena *a, const struct config *c,
    struct str key, const char *type, struct str bytes, int64_t wall);

#endif
