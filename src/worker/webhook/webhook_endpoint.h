#ifndef WORKER_WEBHOOK_WEBHOOK_ENDPOINT_H
#define WORKER_WEBHOOK_WEBHOOK_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/encoding.h"

/*
 * How many of the courier's slots each endpoint gets (row WH10). An unknown
 * endpoint is new and has one transfer at a time. Each prompt success opens its
 * window by one. A failure or a slow answer makes an endpoint slow, and so does
 * a second without an answer from a new one: a slow endpoint has one transfer
 * at a time until a prompt success. Of all slots, slow endpoints may have a
 * quarter, new ones a quarter, both together half, and transfers beyond four of
 * one endpoint three sixteenths: what hangs leaves room for what does not, even
 * if that is new.
 */
#define WEBHOOK_ENDPOINT_FIRST 2   /* claimed for an unknown endpoint */
#define WEBHOOK_ENDPOINT_AHEAD 1024 /* claimed ahead for one, at most */
#define WEBHOOK_ENDPOINTS 4096	   /* known at once */

struct webhook_pending;
struct webhook_claim_batch;

struct webhook_endpoint {
	struct webhook_endpoint *next;	/* in its bucket */
	struct webhook_endpoint *after;	/* in the line of those that wait */
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
	int64_t begun_at; /* of a new endpoint's only transfer */
	/* in the line of new endpoints with a transfer */
	struct webhook_endpoint *after_new, **before_new;
	/* used by the caller */
	struct webhook_pending *first, *last; /* deliveries that wait */
	struct webhook_claim_batch *batch; /* of the last claim */
	uint64_t taken;	     /* the number of that claim */
};

struct webhook_endpoints {
	int slots;
	int busy;
	int extra; /* transfers beyond four of one endpoint */
	int slow;  /* transfers of slow ones */
	int fresh; /* transfers of new ones, in line by their beginning */
	struct webhook_endpoint *new, **new_end;
	struct webhook_endpoint *buckets[WEBHOOK_ENDPOINTS];
	struct webhook_endpoint all[WEBHOOK_ENDPOINTS];
};

/*
 * The endpoint of that id. An unknown one is made, in a free place or in that
 * of the endpoint that is idle longest; one must be free or idle. now: µs,
 * monotonic, as everywhere.
 */
struct webhook_endpoint *webhook_endpoint_get(struct webhook_endpoints *s,
    struct uuid id,
    int64_t now);

/*
 * How many more of its deliveries may be claimed, besides those that wait or
 * are under way: what its pace sends within seconds, far less than a lease.
 */
int webhook_endpoint_room(const struct webhook_endpoint *e);

/* May one more transfer of e begin? */
bool webhook_endpoint_may(const struct webhook_endpoints *s,
    const struct webhook_endpoint *e);

/* A transfer begins; a transfer ended after took µs, fine or not. */
void webhook_endpoint_begin(struct webhook_endpoints *s,
    struct webhook_endpoint *e, int64_t now);
void webhook_endpoint_end(struct webhook_endpoints *s,
    struct webhook_endpoint *e, bool fine,
    int64_t took);

/* The endpoint is known to fail. */
void webhook_endpoint_slow(struct webhook_endpoints *s,
    struct webhook_endpoint *e);

/* Make new endpoints slow that have kept us waiting for too long. */
void webhook_endpoint_watch(struct webhook_endpoints *s, int64_t now);

#endif
