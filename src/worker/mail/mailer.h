#ifndef WORKER_MAIL_MAILER_H
#define WORKER_MAIL_MAILER_H

#include "config/config.h"
#include "worker/job/job.h"
#include "worker/smtp/smtp.h"

/*
 * The mailer does jobs of kind "mail": one relay, at most smtp.connections
 * connections to it, and their state. The connections go on while a statement
 * of the mailer is under way, and rest between the calls, when no statement is.
 */
struct mailer;

/* How the settings reach the relay; smtp.connections to it at most. */
struct smtp_options mailer_relay(const struct config *c);

/* NULL when a setting cannot be used; it is logged by name. */
struct mailer *mailer_new(const struct config *c, struct queue *q);
void mailer_free(struct mailer **m);

/*
 * Claim due mails unless the worker is stopping, continue the transfers for at
 * most ms, record the ends. True while any mail is claimed.
 */
bool mailer_step(struct mailer *m, bool stopping, int ms);

/* Continue the transfers for ms, where the worker would only wait. */
void mailer_wait(struct mailer *m, int ms);

/* True: the worker may fork now; see smtp_rest. */
bool mailer_rest(struct mailer *m);

/* Release the claimed mails: they are due again. */
void mailer_abandon(struct mailer *m);

/* Append the leases of the claimed mails, comma separated, to list. */
struct str mailer_leases(const struct mailer *m, struct arena *a,
    struct str list);

#endif
