#ifndef QUEUE_ROUND_H
#define QUEUE_ROUND_H

#include "config/config.h"
#include "queue/job.h"

/*
 * The courier's work: claim, send, record. One statement and many transfers
 * are under way at the same time and wait for each other only through what is
 * in hand (row WH10).
 */
struct round;

/* q and c must outlive it. The process ends when there is no memory. */
struct round *round_new(const struct config *c, struct queue *q);
void round_free(struct round **r);

/* Do what can be done now, wait a little where that is nothing. */
void round_step(struct round *r);

/* Claim no more, and give back what has not begun. */
void round_stop(struct round *r);

/* Is nothing left in hand? drained: and nothing to be claimed. */
bool round_over(const struct round *r, bool drained);

/*
 * Give back all that is in hand: what is under way may arrive twice, with one
 * id. False when the database did not take it back.
 */
bool round_give_back(struct round *r);

#endif
