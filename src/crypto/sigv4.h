#ifndef CRYPTO_SIGV4_H
#define CRYPTO_SIGV4_H

#include <stdint.h>

#include "base/arena.h"

/*
 * AWS Signature Version 4: what signs a request to AWS, or to a store that
 * speaks as S3 does. The signature is over the request as it is sent, so the
 * caller sends exactly the headers named here, besides those that it does not
 * sign.
 */
struct sigv4_key {
	struct str id, secret;
	struct str region, service; /* "eu-central-1", "secretsmanager" */
};

struct sigv4_header {
	struct str name; /* in lower case */
	struct str value; /* without white space at its ends */
};

struct sigv4_request {
	struct str method;
	struct str path;  /* each part percent-encoded; "/" at least */
	struct str query; /* "a=1&b=", encoded, sorted by name */
	const struct sigv4_header *headers; /* sorted by name; host is one */
	size_t nheaders;
	struct str payload; /* sigv4_payload, or "UNSIGNED-PAYLOAD" */
};

/* The SHA-256 of a body as the signature has it. */
struct str sigv4_payload(struct arena *a, struct str body);

/* A time as x-amz-date has it: 20150830T123600Z. */
struct str sigv4_time(struct arena *a, int64_t wall_us);

/* The canonical request: what is hashed. For tests and for the fuzzer. */
struct str sigv4_canonical(struct arena *a, const struct sigv4_request *r);

/* The value of Authorization for a request that is sent at time. */
struct str sigv4_authorization(struct arena *a, const struct sigv4_key *key,
    const struct sigv4_request *r, struct str time);

#endif
