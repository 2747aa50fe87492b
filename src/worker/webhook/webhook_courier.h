#ifndef WORKER_WEBHOOK_WEBHOOK_COURIER_H
#define WORKER_WEBHOOK_WEBHOOK_COURIER_H

#include "config/config.h"
#include "worker/job/job.h"

/*
 * The courier's work: claim, send, record. One statement and many transfers
 * are under way at the same time; they wait for each other only through the
 * deliveries in hand (row WH10).
 */
struct webhook_courier;

/* q and c must outlive the courier. The process ends without memory. */
struct webhook_courier *webhook_courier_new(const struct config *c,
    struct queue *q);
void webhook_courier_free(struct webhook_courier **r);

/* Do what can be done now; wait a little when there is nothing to do. */
void webhook_courier_step(struct webhook_courier *r);

/* Claim no more, and give back what has not begun. */
void webhook_courier_stop(struct webhook_courier *r);

/* Is nothing left in hand or to be claimed? False unless drained. */
bool webhook_courier_over(const struct webhook_courier *r, bool drained);

/*
 * Give back all that is in hand; a delivery under way may arrive twice, with
 * one id. False when the database did not take them back.
 */
bool webhook_courier_give_back(struct webhook_courier *r);

#endif
