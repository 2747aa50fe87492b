#ifndef WORKER_MAIL_MAIL_LEASE_H
#define WORKER_MAIL_MAIL_LEASE_H

#include "worker/mail/mail_inflight.h"

/*
 * The mailer's statements: claiming mails, and recording how they ended. One
 * statement is under way at a time, and the transfers go on meanwhile. A caller
 * that begins a statement also waits for it, because others use the connection
 * too.
 */
struct mail_lease {
	struct queue *queue;
	struct mail_inflight *inflight;
	int connections;
	struct arena *claims; /* of a claim, until it is taken */
	struct job *jobs;
	size_t claimed;
	struct arena *ends; /* of a record */
	struct mail_item *batch[SMTP_ROOM];
	size_t n;	    /* of those, being written */
	int ahead;	    /* how many to claim beyond the connections */
	bool full;	    /* the last claim got all it asked for */
	int64_t claimed_at; /* µs, monotonic, as the other */
	int64_t claim_at;
};

void mail_lease_init(struct mail_lease *t, struct queue *q,
    struct mail_inflight *h,
    int connections);
void mail_lease_close(struct mail_lease *t);

/*
 * Claim mails where there is room and it is time to, and wait for the answer.
 */
void mail_lease_claim(struct mail_lease *t);

/* Make messages of the claimed jobs and queue them for the relay. */
void mail_lease_take(struct mail_lease *t);

/*
 * Begin to record the mails that ended, where it is time to, or all of them.
 * True: a statement is under way. None may be before.
 */
bool mail_lease_settle(struct mail_lease *t, bool all);

/*
 * Wait for what mail_lease_settle began, as long as the queue has patience. An
 * end that is refused takes no other with it (row RE5).
 */
void mail_lease_settled(struct mail_lease *t);

#endif
