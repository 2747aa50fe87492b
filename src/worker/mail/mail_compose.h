#ifndef WORKER_MAIL_MAIL_COMPOSE_H
#define WORKER_MAIL_MAIL_COMPOSE_H

#include "worker/mail/mail_template.h"
#include "worker/mail/mime.h"
#include "worker/message/message.h"

/* Makes a mail of the payload of a job. */
struct mail_sender {
	struct message_source source;
	struct str name;    /* of the From header */
	struct str address;
	struct str host;    /* of Message-IDs */
};

/*
 * From the settings of message_source and smtp.from. An empty smtp.from is
 * no-reply@ the host of public_url, or localhost where that is an address.
 * False when smtp.from is no address; *why names the setting.
 */
bool mail_sender(struct arena *a, const struct config *c,
    struct mail_sender *out, const char **why);

struct mail {
	struct str template;
	struct str to;
	struct str message; /* ready for the relay */
};

/*
 * The message of payload, for job id made at created_at (µs): the same job
 * gives the same bytes while templates and settings are the same (row RE4).
 * json_use(a) must have been called. Else *why is a short reason without
 * contents: E_UNAVAILABLE where the fault is the templates', which others may
 * replace, E_VALIDATION where it never can be sent.
 */
enum err mail_compose(struct arena *a, const struct mail_sender *s, struct str id,
    int64_t created_at, struct str payload, struct mail *out,
    const char **why);

#endif
