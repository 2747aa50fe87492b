#ifndef QUEUE_TALK_H
#define QUEUE_TALK_H

#include <poll.h>

#include "queue/hand.h"

/*
 * What the courier and Postgres say to each other: claims, what they took into
 * the hand, and how tries ended. One statement is under way at a time, and nobody waits for
 * it. All times µs, monotonic.
 */
#define TALK_LOST 16

/* Ends to be recorded, and their text. */
struct ends {
	struct arena *arena;
	struct delivery_end list[ERRANDS];
	size_t n;
	size_t done; /* recorded */
};

struct talk {
	struct queue *queue;
	struct hand *hand;
	struct arena *flight; /* of the statement under way */
	struct arena *landed; /* of the one before, while we use its rows */
	enum { TALK_NOTHING, TALK_CLAIMS, TALK_FETCHES, TALK_SETTLES } doing;
	char lease[40]; /* of the claim under way */
	struct ends ends[2];
	struct ends *gather, *settle;
	size_t telling;	 /* of settle, in the statement under way */
	bool one_by_one; /* something among them is refused */
	bool stopped;	 /* claim no more */
	bool dry;	 /* the last claim found nothing */
	int64_t claim_at;
	int64_t settle_at;
	int64_t take_back_at;
	/* Claims whose answer was lost; they may even be committed later. */
	struct lost {
		char lease[40];
		int64_t until;
	} lost[TALK_LOST];
};

void talk_init(struct talk *t, struct queue *q, struct hand *h);
void talk_close(struct talk *t);

/* A place for how a try ended; its text goes to *a. */
struct delivery_end *talk_end(struct talk *t, struct arena **a);

/* What is in hand or not yet recorded; at most ERRANDS. */
int talk_holds(const struct talk *t);

/* Is there a claim whose fate is not known? */
bool talk_lost(const struct talk *t);

/* Hear what was answered, say what there is to say. */
void talk_step(struct talk *t);

/* What to wait for: returns at most ms milliseconds. */
int talk_wait(const struct talk *t, struct pollfd *p, int ms);

#endif
