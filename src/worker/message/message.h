#ifndef WORKER_MESSAGE_MESSAGE_H
#define WORKER_MESSAGE_MESSAGE_H

#include "config/config.h"
#include "worker/message/template_dir.h"

/*
 * What mails and SMS have in common: a job's payload
 * {"template":"verify","to":"a@x","language":"en","name":"Ann","vars":{…}};
 * language (a tag, or an Accept-Language) and name may be missing or null.
 */
struct message {
	struct str template;
	struct str to;
	struct str language;
	cJSON *values; /* what templates see */
};

/* Where texts are, and what the service says of itself in them. */
struct message_source {
	struct template_dir templates;
	const char *brand;
	const char *public_url;
};

/* From service.template_dir, service.name and service.public_url. */
struct message_source message_source(const struct config *c);

/*
 * What templates see: vars, and besides them brand, public_url, its host and
 * the name as message_greeting has it, which vars cannot replace. json_use
 * must have been called.
 */
cJSON *message_values(const struct message_source *s, struct str name,
    const cJSON *vars);

/* Read a payload, into a. False when it is no message; *why then. */
bool message_read(struct arena *a, const struct message_source *s,
    struct str payload, struct message *out, const char **why);

/*
 * A name a user chose, for "Hello …": itself, or STR_NONE when it could be a
 * link or a sentence of its own, for everybody can have mail sent to an
 * address that is not his (row HT7).
 */
struct str message_greeting(struct str name);

/* Host of a URL, without port and path. */
struct str message_host(struct str url);

#endif
