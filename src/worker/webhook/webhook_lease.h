#ifndef WORKER_WEBHOOK_WEBHOOK_LEASE_H
#define WORKER_WEBHOOK_WEBHOOK_LEASE_H

#include <poll.h>

#include "worker/webhook/webhook_inflight.h"

/*
 * What the courier and Postgres say to each other: claims, what they took in
 * hand, and how tries ended. One statement is under way at a time, and nobody
 * waits for it. All times µs, monotonic.
 */
#define WEBHOOK_LEASE_LOST 16

/* Ends to be recorded, and their text. */
struct ends {
	struct arena *arena;
	struct webhook_outcome list[WEBHOOK_PENDING_MAX];
	size_t n;
	size_t done; /* recorded */
};

struct webhook_lease {
	struct queue *queue;
	struct webhook_inflight *inflight;
	struct arena *flight; /* of the statement under way */
	struct arena *landed; /* of the one before, while we use its rows */
	enum { WEBHOOK_LEASE_NOTHING, WEBHOOK_LEASE_CLAIMS,
	    WEBHOOK_LEASE_FETCHES, WEBHOOK_LEASE_SETTLES } doing;
	char lease[40]; /* of the claim under way */
	struct ends ends[2];
	struct ends *gather, *settle;
	size_t telling;	 /* of settle, in the statement under way */
	bool one_by_one; /* an end among them was refused */
	bool stopped;	 /* claim no more */
	bool dry;	 /* the last claim found nothing */
	int64_t claim_at;
	int64_t settle_at;
	int64_t take_back_at;
	/* Claims whose answer was lost; they may even be committed later. */
	struct lost {
		char lease[40];
		int64_t until;
	} lost[WEBHOOK_LEASE_LOST];
};

void webhook_lease_init(struct webhook_lease *t, struct queue *q,
    struct webhook_inflight *h);
void webhook_lease_close(struct webhook_lease *t);

/* A place for how a try ended; put its text in *a. */
struct webhook_outcome *webhook_lease_end(struct webhook_lease *t,
    struct arena **a);

/* Deliveries in hand or not yet recorded; at most WEBHOOK_PENDING_MAX. */
int webhook_lease_holds(const struct webhook_lease *t);

/* Is there a claim whose fate is not known? */
bool webhook_lease_lost(const struct webhook_lease *t);

/* Take Postgres's answer, if there is one, and begin the next statement. */
void webhook_lease_step(struct webhook_lease *t);

/* What to wait for: returns at most ms milliseconds. */
int webhook_lease_wait(const struct webhook_lease *t, struct pollfd *p, int ms);

#endif
