#ifndef QUEUE_MAIL_TALK_H
#define QUEUE_MAIL_TALK_H

#include "queue/mail_hand.h"

/*
 * What the mailer and Postgres say to each other: claims into the hand, and
 * how mails ended. One statement is under way at a time, and the transfers go
 * on meanwhile. Who begins one waits for it: others use the connection, too.
 */
struct mail_talk {
	struct queue *queue;
	struct mail_hand *hand;
	int connections;
	struct arena *claims; /* of a claim, until it is taken */
	struct job *jobs;
	size_t claimed;
	struct arena *ends; /* of a record */
	struct mail_load *batch[SMTP_ROOM];
	size_t n;	    /* of those, being written */
	int ahead;	    /* how many to claim beyond the connections */
	bool full;	    /* the last claim got all it asked for */
	int64_t claimed_at; /* µs, monotonic, as the other */
	int64_t claim_at;
};

void mail_talk_init(struct mail_talk *t, struct queue *q, struct mail_hand *h,
    int connections);
void mail_talk_close(struct mail_talk *t);

/* Claim, where there is room and it is time to, and wait for that. */
void mail_talk_claim(struct mail_talk *t);

/* Make messages of what was claimed and put them into the line. */
void mail_talk_take(struct mail_talk *t);

/*
 * Begin to write what ended, where it is time to, or all: is anything to be
 * waited for? Nothing may be under way.
 */
bool mail_talk_settle(struct mail_talk *t, bool all);

/*
 * Wait for what mail_talk_settle began, as long as the queue has patience. An
 * end that is refused takes no other with it (row RE5).
 */
void mail_talk_settled(struct mail_talk *t);

#endif
