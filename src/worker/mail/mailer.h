#ifndef WORKER_MAIL_MAILER_H
#define WORKER_MAIL_MAILER_H

#include "config/config.h"
#include "worker/job/job.h"
#include "worker/smtp/smtp.h"

/*
 * What does jobs of kind "mail": one relay, smtp.connections to it at most,
 * and its state. The connections work on while a statement of its own is under
 * way, and stand still between the calls; then none is.
 */
struct mailer;

/* How the settings reach the relay; smtp.connections to it at most. */
struct smtp_options mailer_relay(const struct config *c);

/* NULL when a setting cannot be used; it is logged by name. */
struct mailer *mailer_new(const struct config *c, struct queue *q);
void mailer_free(struct mailer **m);

/*
 * Claim what is due unless the worker is stopping, bring on what is under way
 * for at most ms, write what ended. True while anything is in hand.
 */
bool mailer_step(struct mailer *m, bool stopping, int ms);

/* Instead of a pause: what was claimed is brought on for ms. */
void mailer_wait(struct mailer *m, int ms);

/* May one fork? See smtp_rest. */
bool mailer_rest(struct mailer *m);

/* Give up what is in hand: due again. */
void mailer_abandon(struct mailer *m);

/* The leases in hand, comma separated, behind those of list. */
struct str mailer_leases(const struct mailer *m, struct arena *a,
    struct str list);

#endif
