#ifndef SECRETS_SECRETS_WEB_H
#define SECRETS_SECRETS_WEB_H

#include "secrets/secrets.h"

#define SECRETS_HEADERS 8

/* A request to a manager. Headers are lines, up to a NULL. */
struct secrets_call {
	const char *url;
	const char *headers[SECRETS_HEADERS + 1];
	struct str body; /* absent: GET */
};

struct secrets_reply {
	long status;
	const cJSON *json; /* NULL: the body is no JSON */
};

/*
 * Send it over TLS with a verified certificate; plain HTTP goes to this host
 * only. No redirect is followed, no proxy used, and no more than
 * SECRETS_ANSWER bytes are read. What is out of reach or answers 429 or 5xx is
 * asked again, with a longer pause each time, until the time is over.
 */
#define SECRETS_ANSWER (256u << 10)
enum secrets_end secrets_web(struct secrets *s, const struct secrets_call *call,
    struct secrets_reply *reply);

#endif
