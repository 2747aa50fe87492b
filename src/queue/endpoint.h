#ifndef QUEUE_ENDPOINT_H
#define QUEUE_ENDPOINT_H

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
#define ENDPOINT_FIRST 2   /* claimed of one we know nothing of */
#define ENDPOINT_AHEAD 1024 /* claimed ahead of one, at most */
#define ENDPOINTS 4096	   /* known at once */

struct errand;
struct batch;

struct endpoint {
	struct endpoint *next;	/* in its bucket */
	struct endpoint *after;	/* of those with errands that wait */
	struct uuid id;
	bool known;
	bool lined_up;
	enum { ENDPOINT_NEW, ENDPOINT_SLOW, ENDPOINT_PROMPT } kind;
	int window;
	int busy;    /* under way */
	int waiting; /* claimed, not begun */
	int64_t pace; /* µs a transfer takes, smoothed */
	int64_t used_at;
	int64_t begun_at; /* the only transfer of one that is new */
	struct endpoint *after_new, **before_new; /* of those, in line */
	/* the caller's */
	struct errand *first, *last; /* that wait */
	struct batch *batch; /* of the last claim, */
	uint64_t taken;	     /* which had this number */
};

struct endpoints {
	int slots;
	int busy;
	int extra; /* busy beyond four of one endpoint */
	int slow;  /* busy of slow ones */
	int fresh; /* busy of new ones: they stand in line by their beginning */
	struct endpoint *new, **new_end;
	struct endpoint *buckets[ENDPOINTS];
	struct endpoint all[ENDPOINTS];
};

/*
 * The one of that id, made where it is not known in place of the one idle for
 * longest. There must be one that is idle. now: µs, monotonic, as everywhere.
 */
struct endpoint *endpoint_get(struct endpoints *s, struct uuid id,
    int64_t now);

/*
 * How many of it may be claimed besides what waits and is under way: what its
 * pace sends within seconds, far less than a lease.
 */
int endpoint_room(const struct endpoint *e);

/* May one more begin? */
bool endpoint_may(const struct endpoints *s, const struct endpoint *e);

/* One begins; one ended, prompt or not after took µs. */
void endpoint_begin(struct endpoints *s, struct endpoint *e, int64_t now);
void endpoint_end(struct endpoints *s, struct endpoint *e, bool fine,
    int64_t took);

/* It is known to fail. */
void endpoint_slow(struct endpoints *s, struct endpoint *e);

/* New ones that keep us waiting are slow by now. */
void endpoint_watch(struct endpoints *s, int64_t now);

#endif
