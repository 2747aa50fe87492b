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

/* NULL without memory. */
struct sms *sms_new(const struct config *c, struct queue *q);
void sms_free(struct sms **s);

/* Is a provider configured? Without one the jobs stay in the queue. */
bool sms_ready(const struct sms *s);

/*
 * Take what is due, unless the worker is stopping, and bring on what is under
 * way, for at most ms milliseconds. True while anything is.
 */
bool sms_step(struct sms *s, struct arena *batch, bool stopping, int ms);

/* Give up what is under way: due again. */
void sms_abandon(struct sms *s);

/* The leases in hand, comma separated, behind those of list. */
struct str sms_leases(const struct sms *s, struct arena *a, struct str list);

#endif
