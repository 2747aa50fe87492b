#ifndef QUEUE_MAIL_H
#define QUEUE_MAIL_H

#include "base/config.h"
#include "queue/mail_template.h"
#include "queue/mime.h"

/*
 * From the payload of a job to a message. Payload:
 * {"template":"verify","to":"a@x","language":"en","name":"Ann","vars":{…}};
 * language (a tag, or an Accept-Language) and name may be missing or null.
 * Templates see vars, and besides them brand, name and public_url, which vars
 * cannot replace.
 */
struct mail_sender {
	struct mail_templates templates;
	const char *brand;
	const char *public_url;
	struct str name;    /* of the From header */
	struct str address;
	struct str host;    /* of Message-IDs */
};

/*
 * From service.name, service.public_url, service.template_dir, smtp.from. An
 * empty smtp.from is no-reply@ the host of public_url, or localhost where that
 * is an address. False when smtp.from is no address; *why names the setting.
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
 * json_use(a) must have been called. False when it never can be sent; *why is
 * a short reason without contents.
 */
bool mail_compose(struct arena *a, const struct mail_sender *s, struct str id,
    int64_t created_at, struct str payload, struct mail *out,
    const char **why);

/*
 * A name a user chose, for "Hello …": itself, or STR_NONE when it could be a
 * link or a sentence of its own, for everybody can have mail sent to an
 * address that is not his (row HT7).
 */
struct str mail_greeting(struct str name);

#endif
