#ifndef WORKER_SMS_SMS_REQUEST_H
#define WORKER_SMS_SMS_REQUEST_H

#include "base/arena.h"
#include "config/config.h"

/* What is sent to a provider for one message. */
struct sms_request {
	const char *url;
	const char *headers[5]; /* NULL ends */
	struct str body;
};

/* Is a provider configured, and which? Twilio comes first. */
bool sms_request_possible(const struct config *c);

/*
 * The request for the payload (worker/message/message.h) of job id, in a, with
 * the text
 * of its template. Else with *why: E_UNAVAILABLE where the fault is the
 * templates', E_VALIDATION where it can never be sent.
 */
enum err sms_request_make(struct arena *a, const struct config *c, struct str id,
    struct str payload, struct sms_request *out, const char **why);

#endif
