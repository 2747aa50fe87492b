#ifndef QUEUE_MAIL_HAND_H
#define QUEUE_MAIL_HAND_H

#include "queue/mail_load.h"

/*
 * The mails in the mailer's hand: open until they were sent, or not, and ended
 * until that is written.
 */
struct mail_hand {
	struct smtp_pool *transfer;
	const struct keyring *keys;
	const struct mail_sender *sender;
	struct mail_load loads[SMTP_ROOM];
	int used;	  /* of them */
	int open;	  /* of those */
	int64_t ended_at; /* µs, monotonic: the first that nobody takes to be
			     written; 0: there is none */
};

/*
 * Make the message of what was claimed and put it into the line, or end it at
 * once; there must be room: used < SMTP_ROOM.
 */
void mail_hand_add(struct mail_hand *h, const struct job *claimed);

/* It was sent, or not. */
void mail_hand_end(struct mail_hand *h, struct mail_load *l,
    const struct smtp_result *r);

/* Take those that ended, to have it written: how many. */
size_t mail_hand_ended(struct mail_hand *h,
    struct mail_load *out[SMTP_ROOM]);

/* It is written, by us or not; or never will be. */
void mail_hand_drop(struct mail_hand *h, struct mail_load *l, bool ours);

/* A burst is over: its memory goes back to the system. */
void mail_hand_shrink(struct mail_hand *h);

/* The leases, comma separated, behind those of list. */
struct str mail_hand_leases(const struct mail_hand *h, struct arena *a,
    struct str list);

#endif
