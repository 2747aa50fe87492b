#ifndef WORKER_MAIL_MAIL_INFLIGHT_H
#define WORKER_MAIL_MAIL_INFLIGHT_H

#include "worker/mail/mail_item.h"

/*
 * The mails the mailer has claimed: open until they are sent or fail, then
 * ended until the database has recorded it.
 */
struct mail_inflight {
	struct smtp_pool *transfer;
	const struct keyring *keys;
	const struct mail_sender *sender;
	struct mail_item loads[SMTP_ROOM];
	int used;	  /* of them */
	int open;	  /* of those */
	int64_t ended_at; /* µs, monotonic: of the first that nobody
			     records yet; 0: there is none */
};

/*
 * Make the message of a claimed job and queue it for the relay, or end it at
 * once. There must be room: used < SMTP_ROOM.
 */
void mail_inflight_add(struct mail_inflight *h, const struct job *claimed);

/* Note that it was sent, or why not. */
void mail_inflight_end(struct mail_inflight *h, struct mail_item *l,
    const struct smtp_result *r);

/* Take those that ended, to record them: how many. */
size_t mail_inflight_ended(struct mail_inflight *h,
    struct mail_item *out[SMTP_ROOM]);

/* Its end is recorded, by this process or another; or cannot be. */
void mail_inflight_drop(struct mail_inflight *h, struct mail_item *l,
    bool ours);

/* After a burst: give its memory back to the system. */
void mail_inflight_shrink(struct mail_inflight *h);

/* Append the leases, comma separated, to list. */
struct str mail_inflight_leases(const struct mail_inflight *h, struct arena *a,
    struct str list);

#endif
