#ifndef QUEUE_MAILER_H
#define QUEUE_MAILER_H

#include "base/config.h"
#include "queue/job.h"

/* What does jobs of kind "mail": one relay, its connection and its state. */
struct mailer;

/*
 * stop is asked while a mail is under way; true gives it up. NULL when a
 * setting cannot be used; it is logged by name.
 */
struct mailer *mailer_new(const struct config *c, struct queue *q,
    bool (*stop)(void *arg), void *arg);
void mailer_free(struct mailer **m);

/* Is there a relay, and was it there at the last try? */
bool mailer_ready(const struct mailer *m);

/* While it is not there: look, when it is time to (queue/circuit.h). */
void mailer_probe(struct mailer *m);

/*
 * Bring one claimed job to an end: sent, due again, expired or dead. a is
 * this job's; its contents end with it.
 */
void mailer_work(struct mailer *m, struct arena *a, struct job *j);

#endif
