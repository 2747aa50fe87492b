#ifndef WORKER_WEBHOOK_WEBHOOK_ENDPOINT_H
#define WORKER_WEBHOOK_WEBHOOK_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/encoding.h"

/*
 * What each endpoint gets of the courier (row WH10). One we know nothing of
 * is new: it has one transfer at a time. Each prompt success opens the window
 * by one. A failure or a slow answer makes it slow, and a new one is slow when
 * it has kept us waiting for a second: one at a time, until a prompt success. Of all slots, a quarter may be had by those that are slow, a quarter
 * by new ones, half by both together, and three sixteenths by what is beyond
 * four of one endpoint: what hangs leaves room for what does not, be it new.
 */
#define WEBHOOK_ENDPOINT_FIRST 2   /* claimed of one we know nothing of */
#define WEBHOOK_ENDPOINT_AHEAD 1024 /* claimed ahead of one, at most */
#define WEBHOOK_ENDPOINTS 4096	   /* known at once */

struct webhook_pending;
struct webhook_claim_batch;

struct webhook_endpoint {
	struct webhook_endpoint *next;	/* in its bucket */
	struct webhook_endpoint *after;	/* of those with deliveries that wait */
	struct uuid id;
	bool known;
	bool lined_up;
	enum { WEBHOOK_ENDPOINT_NEW, WEBHOOK_ENDPOINT_SLOW,
	    WEBHOOK_ENDPOINT_PROMPT } kind;
	int window;
	int busy;    /* under way */
	int waiting; /* claimed, not begun */
	int64_t pace; /* µs a transfer takes, smoothed */
	int64_t used_at;
	int64_t begun_at; /* the only transfer of one that is new */
	/* of those, in line */
	struct webhook_endpoint *after_new, **before_new;
	/* the caller's */
	struct webhook_pending *first, *last; /* that wait */
	struct webhook_claim_batch *batch; /* of the last claim, */
	uint64_t taken;	     /* which had this number */
};

struct webhook_endpoints {
	int slots;
	int busy;
	int extra; /* busy beyond four of one endpoint */
	int slow;  /* busy of slow ones */
	int fresh; /* busy of new ones: they stand in line by their beginning */
	struct webhook_endpoint *new, **new_end;
	struct webhook_endpoint *buckets[WEBHOOK_ENDPOINTS];
	struct webhook_endpoint all[WEBHOOK_ENDPOINTS];
};

/*
 * The one of that id, made where it is not known in place of the one idle for
 * longest. There must be one that is idle. now: µs, monotonic, as everywhere.
 */
struct webhook_endpoint *webhook_endpoint_get(struct webhook_endpoints *s,
    struct uuid id,
    int64_t now);

/*
 * How many of it may be claimed besides what waits and is under way: what its
 * pace sends within seconds, far less than a lease.
 */
int webhook_endpoint_room(const struct webhook_endpoint *e);

/* May one more begin? */
bool webhook_endpoint_may(const struct webhook_endpoints *s,
    const struct webhook_endpoint *e);

/* One begins; one ended, prompt or not after took µs. */
void webhook_endpoint_begin(struct webhook_endpoints *s,
    struct webhook_endpoint *e, int64_t now);
void webhook_endpoint_end(struct webhook_endpoints *s,
    struct webhook_endpoint *e, bool fine,
    int64_t took);

/* It is known to fail. */
void webhook_endpoint_slow(struct webhook_endpoints *s,
    struct webhook_endpoint *e);

/* New ones that keep us waiting are slow by now. */
void webhook_endpoint_watch(struct webhook_endpoints *s, int64_t now);

#endif
