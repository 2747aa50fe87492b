#ifndef WORKER_MAIL_MAIL_ITEM_H
#define WORKER_MAIL_MAIL_ITEM_H

#include "worker/job/job.h"
#include "worker/mail/mail_compose.h"
#include "worker/smtp/smtp.h"

/* A claimed mail, until its end is recorded. */
struct mail_item {
	bool used;
	bool ended;
	struct arena *arena; /* of all its strings */
	struct job job;
	struct mail mail;
	struct job_end end;
};

/*
 * Unseal the claimed job and make its message. False when it ended here:
 * expired, tried too often, never to be sent, or to be tried again because a
 * template is missing or malformed: where an older worker stands beside a new
 * web process, the next one may know it.
 */
bool mail_item_fill(struct mail_item *l, const struct job *claimed,
    const struct keyring *k, const struct mail_sender *s);

/*
 * The end of a mail that was sent or failed: another try after a 4xx or a lost
 * connection, a dead letter after a 5xx (row RE6), no try counted where no
 * relay answered.
 */
void mail_item_judge(struct mail_item *l, const struct smtp_result *r);

/* Log what became of it, now that it is recorded; ours: by this process. */
void mail_item_report(const struct mail_item *l, bool ours);

#endif
