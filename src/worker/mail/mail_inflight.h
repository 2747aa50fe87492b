#ifndef WORKER_MAIL_MAIL_INFLIGHT_H
#define WORKER_MAIL_MAIL_INFLIGHT_H

#include "worker/mail/mail_item.h"

/*
 * The mails in the mailer's hand: open until they were sent, or not, and ended
 * until that is written.
 */
struct mail_inflight {
	struct smtp_pool *transfer;
	const struct keyring *keys;
	const struct mail_sender *sender;
	struct mail_item loads[SMTP_ROOM];
	int used;	  /* of them */
	int open;	  /* of those */
	int64_t ended_at; /* µs, monotonic: the first that nobody takes to be
			     written; 0: there is none */
};

/*
 * Make the message of what was claimed and put it into the line, or end it at
 * once; there must be room: used < SMTP_ROOM.
 */
void mail_inflight_add(struct mail_inflight *h, const struct job *claimed);

/* It was sent, or not. */
void mail_inflight_end(struct mail_inflight *h, struct mail_item *l,
    const struct smtp_result *r);

/* Take those that ended, to have it written: how many. */
size_t mail_inflight_ended(struct mail_inflight *h,
    struct mail_item *out[SMTP_ROOM]);

/* It is written, by us or not; or never will be. */
void mail_inflight_drop(struct mail_inflight *h, struct mail_item *l,
    bool ours);

/* A burst is over: its memory goes back to the system. */
void mail_inflight_shrink(struct mail_inflight *h);

/* The leases, comma separated, behind those of list. */
struct str mail_inflight_leases(const struct mail_inflight *h, struct arena *a,
    struct str list);

#endif
