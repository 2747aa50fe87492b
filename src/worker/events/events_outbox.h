#ifndef WORKER_EVENTS_EVENTS_OUTBOX_H
#define WORKER_EVENTS_EVENTS_OUTBOX_H

#include "config/config.h"
#include "worker/events/events_kafka.h"
#include "worker/job/job.h"

/*
 * The worker's side of table kafka_outbox (rows RE2 to RE5). One publishes at
 * a time, under a lease with a fencing token.
 */
#define OUTBOX_LEASE (60 * CLOCK_SECOND)
#define OUTBOX_TRIES 20 /* of an event refused for no known reason */

/*
 * Switch the writing of events on or off. False: the database did not answer;
 * call again.
 */
bool events_outbox_switch(struct db *db, struct arena *a, bool enabled);

/*
 * Take or renew the lease to publish, for OUTBOX_LEASE from now; token is its
 * uuid as text. E_CONFLICT: another process holds it. *enabled: are events
 * written?
 */
enum err events_outbox_lease(struct queue *q, struct arena *a, struct str token,
    bool *enabled);
enum err events_outbox_release(struct queue *q, struct arena *a,
    struct str token);
enum err events_outbox_release_holder(struct queue *q, struct arena *a,
    struct str holder);

struct outbox_event {
	struct str id;
	struct str user_id; /* the key */
	struct str value;   /* JSON, as documented */
	int attempts;	    /* that count */
	enum { OUTBOX_OPEN, OUTBOX_ENDED } state;
	enum kafka_end end;
	const char *why;
};

/*
 * The oldest events of a topic, at most limit, in order; they live in a. None
 * when this process has lost the lease.
 */
enum err events_outbox_next(struct queue *q, struct arena *a,
    const struct config *c,
    const char *topic, int limit, struct str token,
    struct outbox_event **out, size_t *n);

/*
 * Delete published events. E_UNAVAILABLE: the database did not answer until
 * patience ended; these events will be published twice.
 */
enum err events_outbox_published(struct queue *q, struct arena *a,
    const struct outbox_event *events, size_t n);

/* Record why an event failed; dead: it becomes a dead letter. */
enum err events_outbox_failed(struct queue *q, struct arena *a,
    const struct outbox_event *e, int attempts, bool dead);

#endif
