#ifndef QUEUE_HAND_H
#define QUEUE_HAND_H

#include "queue/batch.h"
#include "queue/endpoint.h"

/*
 * What the courier has in hand: claimed deliveries that wait, in line by
 * their endpoints, and those under way. All times µs, monotonic.
 */
#define ERRANDS 3072

struct errand {
	struct errand *next; /* in line, or free */
	struct endpoint *endpoint;
	bool used;
	bool begun;
	struct delivery d;
	char *text; /* what its strings are in */
	int64_t claimed_at;
};

struct hand {
	struct endpoints endpoints;
	struct errand errands[ERRANDS];
	struct errand *free;
	uint64_t takes; /* claims so far */
	int held;
	/* endpoints with errands that wait */
	struct endpoint *line, *smtp_queue_end;
	int lined;
};

void hand_init(struct hand *h, int slots);

/*
 * Copy what was claimed under lease; there must be room: held + r->n <=
 * ERRANDS. a is for scratch.
 */
void hand_take(struct hand *h, struct arena *a, const struct rows *r,
    struct str lease, int64_t now);

/*
 * The next errand that may begin, each endpoint in turn; NULL: none. *back:
 * it is to be given back instead, because its lease is too old to begin, its
 * endpoint is not to get so much any more, or, all, because we stop.
 */
struct errand *hand_next(struct hand *h, int64_t now, bool all, bool *back);

/* What has begun ended. */
void hand_end(struct hand *h, struct errand *x, bool fine, int64_t took);

/* It is out of our hands. */
void hand_drop(struct hand *h, struct errand *x);

/* What may be claimed of the endpoints we know (struct delivery_wish). */
void hand_rooms(const struct hand *h, struct arena *a,
    struct delivery_wish *w);

#endif
