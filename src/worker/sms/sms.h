#ifndef WORKER_SMS_SMS_H
#define WORKER_SMS_SMS_H

#include "config/config.h"
#include "worker/job/job.h"

/*
 * What does jobs of kind "sms" (worker/message/message.h): Twilio's form, or a
 * JSON
 * POST to sms.http.url. Several are under way at once beside the mail, so
 * that a slow provider holds up nobody. Neither number nor text is logged.
 */
struct sms;

/* Ends the process when there is no memory or descriptor for it. */
struct sms *sms_new(const struct config *c, struct queue *q);
void sms_free(struct sms **s);

/* Is a provider configured? Without one the jobs stay in the queue. */
bool sms_ready(const struct sms *s);

/*
 * Claim due messages, unless the worker is stopping, and continue the requests
 * for at most ms. True while any is under way.
 */
bool sms_step(struct sms *s, struct arena *batch, bool stopping, int ms);

/* Release the claimed messages: they are due again. */
void sms_abandon(struct sms *s);

/* Append the leases of the claimed messages, comma separated, to list. */
struct str sms_leases(const struct sms *s, struct arena *a, struct str list);

#endif
